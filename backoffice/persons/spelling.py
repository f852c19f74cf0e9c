"""Faults of typing, counted. Pure."""


def edit_distance(one: str, other: str) -> int:
    """Letters to add, drop, change or swap with their neighbour, to make one of the other; 9 for anything far off."""
    if abs(len(one) - len(other)) > 3:
        return 9
    before: list[int] = []
    row = list(range(len(other) + 1))
    for i, letter in enumerate(one, 1):
        earlier, before, row = before, row, [i]
        for j, against in enumerate(other, 1):
            cost = min(before[j] + 1, row[j - 1] + 1, before[j - 1] + (letter != against))
            if i > 1 and j > 1 and letter == other[j - 2] and one[i - 2] == against:
                cost = min(cost, earlier[j - 2] + 1)
            row.append(cost)
    return row[-1]


def swapped(key: str) -> list[str]:
    """The key with each pair of neighbours exchanged: a fault that leaves few trigrams of a short name."""
    found = {key[:at] + key[at + 1] + key[at] + key[at + 2 :] for at in range(len(key) - 1)}
    return sorted(found - {key})
