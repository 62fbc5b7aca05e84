"""Charts as SVG by hand: bars need no library."""

from collections.abc import Mapping, Sequence
from html import escape

from bench.table import Line

_WIDTH, _ROW, _LEFT, _TOP = 860, 26, 430, 48
_GOOD, _SHORT, _INK, _LIGHT = "#2f7d4f", "#b5542b", "#333333", "#888888"
_SHADES = ("#2f5d8a", "#4f8a5b", "#b5822b", "#8a4f7d", "#5b7f8a", "#a34d4d", "#777777", "#c0a060", "#406060", "#9090c0")
_MOST = 2.0  # twice the target fills the chart
_LEAST_SHARE = 0.01


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
    """Draw processor milliseconds per order by process, for the lines that have them; empty when none has."""
    rows = [(line.row.what, found) for line in lines if (found := _cpu_of(line))]
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
        for name, spent in sorted(found.items()):
            marks.append(
                f'<rect x="{x:.1f}" y="{y + 3}" width="{spent * scale:.1f}" height="16" fill="{colour[name]}"/>'
            )
            x += spent * scale
        marks.append(_text(x + 5, y + 15, f"{sum(found.values()):.2f} ms"))
    bottom = _TOP + len(rows) * _ROW + 10
    for place, name in enumerate(names):
        x, y = 16 + place % 4 * 205, bottom + place // 4 * 20
        marks.append(f'<rect x="{x}" y="{y}" width="12" height="12" fill="{colour[name]}"/>')
        marks.append(_text(x + 17, y + 11, name))
    return _drawing("Processor time per order and process", bottom + (len(names) + 3) // 4 * 20 + 10, marks)


def _cpu_of(line: Line) -> Mapping[str, float]:
    told = line.result.details.get("cpu_ms_per_order") if line.result else None
    if not isinstance(told, dict):
        return {}
    spent = {name: float(value) for name, value in told.items() if isinstance(value, int | float)}
    return {name: value for name, value in spent.items() if value >= _LEAST_SHARE * sum(spent.values())}


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
    return _drawing(title, height, marks)


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
