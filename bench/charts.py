"""Charts as SVG by hand: bars need no library."""

from collections.abc import Mapping, Sequence
from html import escape

from bench.table import Line

_WIDTH, _ROW, _LEFT, _TOP = 860, 26, 430, 48
_GOOD, _SHORT, _INK, _LIGHT = "#2f7d4f", "#b5542b", "#333333", "#888888"
_SHADES = (
    "#2f5d8a", "#4f8a5b", "#e0a030", "#8a4f7d", "#40b0c0", "#c04040", "#777777", "#704020", "#90c060", "#9090e0",
    "#d080b0", "#204030", "#c0c0c0", "#102080",
)  # fmt: skip
_WIDE_ENOUGH = 26
_MOST = 2.0  # twice the target fills the chart


def targets(lines: Sequence[Line]) -> str:
    """Draw how near each line is to its target: 1 reaches it, whichever way the target points."""
    bars: list[str] = []
    scale = (_WIDTH - _LEFT - 70) / _MOST
    for number, line in enumerate(lines):
        y = _TOP + number * _ROW
        bars.append(_text(_LEFT - 8, y + 15, line.row.what, anchor="end"))
        if line.result is None:
            bars.append(_text(_LEFT + 6, y + 15, "not measured", colour=_SHORT))
            continue
        reached = _reached(line)
        colour = _GOOD if line.verdict == "pass" else _SHORT
        width = min(reached, _MOST) * scale
        bars.append(f'<rect x="{_LEFT}" y="{y + 3}" width="{width:.1f}" height="16" fill="{colour}"/>')
        bars.append(_text(_LEFT + width + 5, y + 15, f"{reached:.2f}"))
    x = _LEFT + scale
    bottom = _TOP + len(lines) * _ROW
    bars.append(
        f'<line x1="{x:.1f}" y1="{_TOP - 6}" x2="{x:.1f}" y2="{bottom}" stroke="{_INK}" stroke-dasharray="4 3"/>'
    )
    bars.append(_text(x, _TOP - 10, "target", anchor="middle"))
    return _drawing("How near each line is to its target (1 = reached)", bottom + 12, bars)


def _reached(line: Line) -> float:
    value = line.result.value if line.result else 0.0
    if line.row.target.kind == "least":
        return value / line.row.target.bound
    return line.row.target.bound / value if value else _MOST


def costs(lines: Sequence[Line]) -> str:
    """Draw processor milliseconds per order by process, for the lines that have them; empty when none has.

    The demonstration's are left out: it starts every process for a few orders, and would dwarf the others.
    """
    rows = [(line.row.what, line.processor_time) for line in lines if line.row.key != "delivered"]
    rows = [(what, found) for what, found in rows if found]
    if not rows:
        return ""
    most = max(sum(found.values()) for _, found in rows)
    names = sorted({name for _, found in rows for name in found})
    colour = {name: _SHADES[place % len(_SHADES)] for place, name in enumerate(names)}
    scale = (_WIDTH - _LEFT - 90) / most
    marks: list[str] = []
    for number, (what, found) in enumerate(rows):
        x, y = float(_LEFT), _TOP + number * _ROW
        marks.append(_text(_LEFT - 8, y + 15, what, anchor="end"))
        for name, spent in found.items():
            marks.append(
                f'<rect x="{x:.1f}" y="{y + 3}" width="{spent * scale:.1f}" height="16" fill="{colour[name]}">'
                f"<title>{escape(name)} {spent:.2f} ms</title></rect>"
            )
            x += spent * scale
        marks.append(_text(x + 5, y + 15, f"{sum(found.values()):.2f} ms"))
    bottom = _TOP + len(rows) * _ROW + 10
    marks += _legend(colour, bottom, columns=4)
    return _drawing("Processor time per order and process", bottom + (len(names) + 3) // 4 * 20 + 10, marks)


def shares(title: str, rows: Mapping[str, Mapping[str, float]]) -> str:
    """Draw a full bar for each row, cut by shares of 0 to 1; the same part has the same colour everywhere."""
    names = sorted({name for parts in rows.values() for name in parts})
    colour = {name: _SHADES[place % len(_SHADES)] for place, name in enumerate(names)}
    left, marks = 200, list[str]()
    scale = _WIDTH - left - 20
    for number, (row, parts) in enumerate(rows.items()):
        x, y = float(left), _TOP + number * _ROW
        marks.append(_text(left - 8, y + 15, row, anchor="end"))
        for name in names:
            width = parts.get(name, 0.0) * scale
            marks.append(f'<rect x="{x:.1f}" y="{y + 3}" width="{width:.1f}" height="16" fill="{colour[name]}"/>')
            if width > _WIDE_ENOUGH:
                marks.append(_text(x + width / 2, y + 15, f"{parts[name]:.0%}", anchor="middle", colour="#ffffff"))
            x += width
    bottom = _TOP + len(rows) * _ROW + 10
    marks += _legend(colour, bottom, columns=2)
    return _drawing(title, bottom + (len(names) + 1) // 2 * 20 + 10, marks)


def _legend(colour: Mapping[str, str], top: float, *, columns: int) -> list[str]:
    marks: list[str] = []
    for place, (name, shade) in enumerate(colour.items()):
        x, y = 16 + place % columns * (820 / columns), top + place // columns * 20
        marks.append(f'<rect x="{x:.0f}" y="{y:.0f}" width="12" height="12" fill="{shade}"/>')
        marks.append(_text(x + 17, y + 11, name))
    return marks


def series(title: str, unit: str, points: Mapping[str, Sequence[tuple[float, float]]]) -> str:
    """Draw lines over time: (minutes, value) by name, from zero up."""
    height, left, right = 300, 60, _WIDTH - 190
    latest = max((moment for line in points.values() for moment, _ in line), default=1.0) or 1.0
    most = max((value for line in points.values() for _, value in line), default=1.0) or 1.0
    marks = [f'<line x1="{left}" y1="{height - 30}" x2="{right}" y2="{height - 30}" stroke="{_LIGHT}"/>']
    marks += [_text(left - 6, 52, f"{most:.3g}", anchor="end"), _text(left - 6, height - 28, "0", anchor="end")]
    marks += [_text(left, 40, unit), _text(right, height - 12, f"{latest:.0f} min", anchor="end")]
    for place, (name, line) in enumerate(sorted(points.items())):
        colour = _SHADES[place % len(_SHADES)]
        where = [
            f"{left + moment / latest * (right - left):.1f},{height - 30 - value / most * (height - 80):.1f}"
            for moment, value in line
        ]
        marks.append(f'<polyline points="{" ".join(where)}" fill="none" stroke="{colour}" stroke-width="1.5"/>')
        marks.append(_text(right + 8, 60 + place * 18, name, colour=colour))
    return _drawing(title, max(height, 70 + len(points) * 18), marks)


def _text(x: float, y: float, text: str, *, anchor: str = "start", colour: str = _INK) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="{colour}">{escape(text)}</text>'


def _drawing(title: str, height: float, parts: Sequence[str]) -> str:
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{_WIDTH}" height="{height:.0f}" role="img"'
        f' font-family="sans-serif" font-size="12"><title>{escape(title)}</title>'
    )
    ground = f'<rect width="{_WIDTH}" height="{height:.0f}" fill="#ffffff"/>'
    heading = f'<text x="16" y="22" font-size="15" fill="{_INK}">{escape(title)}</text>'
    return "\n".join([head, ground, heading, *parts, "</svg>\n"])
