"""Places paragraphs on the sheet once their line counts are known, and says what does not fit. Points."""

from collections.abc import Sequence
from dataclasses import dataclass

from backoffice.letters.geometry import ADDRESS_INSET, MM, PAGE_HEIGHT, PAGE_WIDTH, SLIDING, WINDOW, Area
from backoffice.letters.model import Block, Panel, Sheet, Zone

SQUEEZES = (1.0, 0.8, 0.6)
"""What the space between the paragraphs of the body may be multiplied by, in turn, for a letter to fit its page."""


@dataclass(frozen=True, slots=True)
class Column:
    """Where the lines of a paragraph run."""

    x: float
    first: float
    """Width left to the first line."""
    others: float


@dataclass(frozen=True, slots=True)
class Placed:
    """A paragraph on the sheet; `top` and `bottom` from the top of the sheet, panel excluded."""

    block: Block
    top: float
    bottom: float

    @property
    def baseline(self) -> float:
        """First baseline, from the bottom of the sheet."""
        return PAGE_HEIGHT - self.top - self.block.ascent


@dataclass(frozen=True, slots=True)
class Box:
    """A panel on the sheet; coordinates from the bottom left corner."""

    panel: Panel
    left: float
    bottom: float
    right: float
    top: float
    before: int
    """Index of the paragraph it is drawn before."""


@dataclass(frozen=True, slots=True)
class Placing:
    """Everything in its place."""

    placed: tuple[Placed, ...]
    boxes: tuple[Box, ...]
    squeeze: float
    overflow: float
    """By how much, in points, the body reaches below its limit; 0 or less when it fits."""
    overflowing: Block | None
    """The first paragraph that is not wholly on the page."""
    intrusion: float
    """By how much, in millimetres, something reaches into what the envelope window may show."""
    intruding: Block | None


def column(sheet: Sheet, block: Block) -> Column:
    """Where the lines of `block` run on this sheet."""
    if block.zone is Zone.ADDRESS:
        width = (WINDOW.width - 2 * ADDRESS_INSET) * MM
        return Column((WINDOW.left + ADDRESS_INSET) * MM, width, width)
    width = PAGE_WIDTH - sheet.left - sheet.right - block.left - block.right
    return Column(sheet.left + block.left, width - block.first, width)


def place(sheet: Sheet, counts: Sequence[int]) -> Placing:
    """Places the blocks of `sheet`, of `counts` lines each, with the widest spacing that fits, or the narrowest."""
    for squeeze in SQUEEZES:
        placing = _place(sheet, counts, squeeze)
        if placing.overflow <= 0:
            break
    return placing


def _place(sheet: Sheet, counts: Sequence[int], squeeze: float) -> Placing:
    groups = {zone: [i for i, block in enumerate(sheet.blocks) if block.zone is zone] for zone in Zone}
    placed: dict[int, Placed] = {}
    boxes: list[Box] = []

    def stack(zone: Zone, start: float, factor: float) -> float:
        end, found, drawn = _stack(sheet, groups[zone], counts, start, factor)
        placed.update(found)
        boxes.extend(drawn)
        return end

    head_end = stack(Zone.HEAD, sheet.head_distance, 1.0)
    address = groups[Zone.ADDRESS][0]
    height = counts[address] * sheet.blocks[address].leading
    stack(Zone.ADDRESS, (WINDOW.top + WINDOW.height / 2) * MM - height / 2, 1.0)
    body_end = stack(Zone.BODY, sheet.top, squeeze)
    foot_height = _stack(sheet, groups[Zone.FOOT], counts, 0.0, 1.0)[0]
    foot_top = PAGE_HEIGHT - sheet.foot_distance - foot_height
    stack(Zone.FOOT, foot_top, 1.0)
    limit = min(PAGE_HEIGHT - sheet.bottom, foot_top)
    overflowing = next((placed[i].block for i in groups[Zone.BODY] if placed[i].bottom > limit), None)
    intrusion, intruding = _intrusion(sheet, [placed[i] for i in (*groups[Zone.HEAD], *groups[Zone.BODY])])
    if head_end > sheet.top and body_end <= limit:
        overflowing = placed[groups[Zone.HEAD][-1]].block
    return Placing(
        placed=tuple(placed[i] for i in range(len(sheet.blocks))),
        boxes=tuple(boxes),
        squeeze=squeeze,
        overflow=max(body_end - limit, head_end - sheet.top),
        overflowing=overflowing,
        intrusion=intrusion,
        intruding=intruding,
    )


def _stack(
    sheet: Sheet, indexes: list[int], counts: Sequence[int], start: float, factor: float
) -> tuple[float, dict[int, Placed], list[Box]]:
    """Lower end of the stack, its paragraphs and its panels."""
    y = start
    placed: dict[int, Placed] = {}
    boxes: list[Box] = []
    previous: Block | None = None
    opened = 0
    for position, index in enumerate(indexes):
        block = sheet.blocks[index]
        joined = previous is not None and _same_panel(previous, block)
        if previous is not None:
            y += max(previous.after, block.before) * factor
        if block.panel and not joined:
            y += block.panel.over
            opened = index
        placed[index] = Placed(block, y, y + counts[index] * block.leading)
        y = placed[index].bottom
        following = sheet.blocks[indexes[position + 1]] if position + 1 < len(indexes) else None
        if block.panel and not (following and _same_panel(block, following)):
            y += block.panel.under
            boxes.append(_box(sheet, block, block.panel, placed[opened].top - block.panel.over, y, opened))
        previous = block
    return y, placed, boxes


def _same_panel(one: Block, other: Block) -> bool:
    return one.panel is not None and (one.panel, one.left, one.right) == (other.panel, other.left, other.right)


def _box(sheet: Sheet, block: Block, panel: Panel, top: float, bottom: float, before: int) -> Box:
    outer_left = panel.left.width + panel.left.space if panel.left else 0.0
    outer_right = panel.right.width + panel.right.space if panel.right else 0.0
    return Box(
        panel=panel,
        left=sheet.left + block.left - outer_left,
        right=PAGE_WIDTH - sheet.right - block.right + outer_right,
        top=PAGE_HEIGHT - top,
        bottom=PAGE_HEIGHT - bottom,
        before=before,
    )


def _intrusion(sheet: Sheet, placed: list[Placed]) -> tuple[float, Block | None]:
    worst, culprit = 0.0, None
    for item in placed:
        where = column(sheet, item.block)
        if not any(getattr(piece, "text", "field") for piece in item.block.pieces) and not item.block.panel:
            continue
        area = Area(where.x / MM, item.top / MM, where.others / MM, (item.bottom - item.top) / MM)
        depth = SLIDING.overlap(area)
        if depth > worst + 1e-6:
            worst, culprit = depth, item.block
    return worst, culprit
