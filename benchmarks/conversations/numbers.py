"""Amounts and price phrases as people write them."""

from __future__ import annotations

import random

ONES = (
    *("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven"),
    *("twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen"),
)
_TENS = ("twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")


def in_words(amount: int) -> str:
    """An amount in English words.

    >>> [in_words(amount) for amount in (45, 120, 300, 1500)]
    ['forty five', 'a hundred and twenty', 'three hundred', 'one thousand five hundred']
    """
    if amount < 20:
        return ONES[amount]
    if amount < 100:
        tens, ones = divmod(amount, 10)
        return _TENS[tens - 2] + (f" {ONES[ones]}" if ones else "")
    if amount < 1000:
        hundreds, rest = divmod(amount, 100)
        head = "a hundred" if hundreds == 1 and rest else f"{ONES[hundreds]} hundred"
        return head + (f" and {in_words(rest)}" if rest else "")
    thousands, rest = divmod(amount, 1000)
    return f"{in_words(thousands)} thousand" + (f" {in_words(rest)}" if rest else "")


def written(amount: int, rng: random.Random, language: str) -> str:
    """An amount as somebody types it: bare, with a currency, in words, with a thousands mark."""
    forms = [str(amount)] * 6
    if amount >= 1000:
        forms += [f"{amount:,}", f"{amount:,}".replace(",", ".")] * 2
    if language == "en":
        forms += [f"${amount}", f"{amount} dollars", f"{amount} bucks", f"{amount}€", f"{amount} USD"]
        forms += [in_words(amount)] * 2
        if amount % 100 == 0 and amount < 1000:
            forms += [f"{amount // 100} hundred"] * 2
    return rng.choice(forms)


def round_amount(amount: float) -> int:
    """A price as people name it."""
    step = 5 if amount < 100 else 10 if amount < 300 else 50 if amount < 1000 else 100
    return max(5, round(amount / step) * step)


def amounts(price: float) -> tuple[str, ...]:
    """A price as it is written in the languages of the conversations: "1,014.90", "1.014,90", "1 014,90"."""
    english = f"{price:,.2f}"
    thousands = (".", "\u202f", "\xa0", "")
    return (english, *(english[:-3].replace(",", mark) + "," + english[-2:] for mark in thousands))
