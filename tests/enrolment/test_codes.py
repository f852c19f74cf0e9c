"""Creation codes: drawn without bias, never a word, and a slip of the hand is always told."""

import hashlib
import itertools
from collections import Counter
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stdnum.iso7064 import mod_37_2

from dmp_core.enrolment.codes import (
    ALPHABET,
    AVOIDED,
    ENTROPY_BITS,
    LENGTH,
    Fault,
    Slip,
    check,
    draw_codes,
    group,
    normalise,
)

bodies = st.text(ALPHABET, min_size=LENGTH - 1, max_size=LENGTH - 1)
codes = bodies.map(lambda body: body + mod_37_2.calc_check_digit(body, ALPHABET))


def bytes_in_turn(*values: int) -> Callable[[int], bytes]:
    """A generator that repeats `values` for ever."""
    endless = itertools.cycle(values)
    return lambda count: bytes(itertools.islice(endless, count))


def fixed_stream() -> Callable[[int], bytes]:
    """Bytes as good as random, the same at each run."""
    rounds = itertools.count()
    return lambda count: hashlib.shake_128(next(rounds).to_bytes(4, "big")).digest(count)


def fault_of(text: str) -> Fault | None:
    answer = check(text)
    return answer.fault if isinstance(answer, Slip) else None


def test_the_alphabet_holds_no_vowel_no_look_alike_and_a_prime_number_of_symbols() -> None:
    assert len(set(ALPHABET)) == len(ALPHABET) == 23
    assert not set(ALPHABET) & set("AEIOUY")
    for alike in ("0O", "1IL", "2Z", "5S", "6G", "8B", "UV"):
        assert len(set(alike) & set(ALPHABET)) <= 1


def test_a_code_carries_at_least_48_bits() -> None:
    assert 23**11 > 2**49
    assert ENTROPY_BITS > 49


def test_no_code_spells_an_insult() -> None:
    drawn = draw_codes(50_000)
    assert not [code for code in drawn for sequence in AVOIDED if sequence in code]
    # Most two-letter runs do come up: those of AVOIDED are absent because they are drawn again.
    assert any("DP" in code for code in drawn)


def test_codes_are_drawn_in_the_number_asked_all_different_and_all_pass_the_check() -> None:
    for count in (0, 1, 7, 70_000):
        drawn = draw_codes(count)
        assert len(drawn) == len(set(drawn)) == count
        assert all(len(code) == LENGTH for code in drawn)
    assert all(check(code) == code for code in drawn[:2_000])
    assert all(mod_37_2.is_valid(code, ALPHABET) for code in drawn[:2_000])


def test_every_symbol_is_equally_likely_at_every_random_place() -> None:
    seen = [Counter[str]() for _ in range(LENGTH)]
    for code in draw_codes(23_000, fixed_stream()):
        for place, symbol in enumerate(code):
            seen[place][symbol] += 1
    for counted in seen:
        assert set(counted) == set(ALPHABET)
        assert max(counted.values()) / min(counted.values()) < 1.35


def test_the_same_random_bytes_give_the_same_codes_and_biased_bytes_are_thrown_away() -> None:
    assert draw_codes(1, bytes_in_turn(*range(11))) == draw_codes(1, bytes_in_turn(253, *range(11), 254, 255))


def test_a_batch_that_repeats_a_code_is_drawn_again_until_all_differ() -> None:
    batches = iter([bytes(range(11)) * 12, bytes(range(11, 22)) * 12])
    drawn = draw_codes(2, lambda count: next(batches)[:count])
    assert len(set(drawn)) == 2


def test_a_negative_number_of_codes_is_refused() -> None:
    with pytest.raises(ValueError, match="negative"):
        draw_codes(-1)


@given(codes)
def test_every_single_substitution_is_told_as_a_slip(code: str) -> None:
    for place, symbol in itertools.product(range(LENGTH), ALPHABET):
        if code[place] != symbol:
            assert fault_of(code[:place] + symbol + code[place + 1 :]) is Fault.SLIP


@given(codes)
def test_every_swap_of_neighbours_is_told_as_a_slip(code: str) -> None:
    for i in range(LENGTH - 1):
        if code[i] != code[i + 1]:
            assert fault_of(code[:i] + code[i + 1] + code[i] + code[i + 2 :]) is Fault.SLIP


def test_the_check_catches_them_for_every_pair_of_symbols_at_every_place() -> None:
    # The checksum is linear: a change is missed when, and only when, its own weighted sum is zero modulo 23.
    weights = [pow(2, LENGTH - 1 - i, 23) for i in range(LENGTH)]
    differences = range(1, 23)
    assert all(weight * d % 23 for weight in weights for d in differences)
    assert all((left - right) * d % 23 for left, right in itertools.pairwise(weights) for d in differences)
    # Twins (55 for 33) and swaps over one character are caught as well.
    assert all((left + right) * d % 23 for left, right in itertools.pairwise(weights) for d in differences)
    assert all((weights[i] - weights[i + 2]) * d % 23 for i in range(LENGTH - 2) for d in differences)


@given(
    codes,
    st.lists(st.sampled_from([" ", "\u00a0", "\u202f", "-", "‑", "–", ".", "\t", "\u200b", "−", ""]), min_size=12),
)
def test_a_code_is_read_whatever_is_typed_between_its_characters_and_in_any_case(code: str, between: list[str]) -> None:
    typed = "".join(symbol.lower() + filler for symbol, filler in zip(code, between, strict=False))
    assert normalise(typed) == check(typed) == code


@given(codes)
def test_the_printed_form_reads_back_as_the_code(code: str) -> None:
    printed = group(code)
    assert [len(part) for part in printed.split(" ")] == [4, 4, 4]
    assert check(printed) == code


@given(codes)
def test_letters_that_can_only_be_one_misread_character_are_mended(code: str) -> None:
    assert check(code.translate(str.maketrans("2568V", "ZSGBU"))) == code


@pytest.mark.parametrize("stray", [*"AEIOYL01éŒ€", "\U0001f600"])
def test_a_character_that_no_code_contains_is_named_by_its_place(stray: str) -> None:
    answer = check(f"234{stray}56789CDF")
    assert isinstance(answer, Slip)
    assert answer.fault is Fault.CHARACTER
    assert "4e caractère" in answer.sentence


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("", "Saisissez"),
        ("  - ", "Saisissez"),
        ("2", "1 caractère au lieu"),
        ("23456789CDF", "11 caractères"),
        ("2" * 400, "400 caractères"),
    ],
)
def test_a_code_too_short_or_too_long_says_what_to_do(typed: str, said: str) -> None:
    answer = check(typed)
    assert isinstance(answer, Slip)
    assert answer.fault is Fault.LENGTH
    assert said in answer.sentence
    assert answer.sentence.endswith("votre courrier.")


@given(st.text(max_size=40))
def test_anything_at_all_may_be_typed(text: str) -> None:
    answer = check(text)
    if isinstance(answer, str):
        assert mod_37_2.is_valid(answer, ALPHABET)
    else:
        assert answer.sentence.endswith(".")
