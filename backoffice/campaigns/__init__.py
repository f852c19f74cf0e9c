"""Mailings: whom they reach, their life from draft to sealed lots, and the proof that nobody was missed or written twice."""
