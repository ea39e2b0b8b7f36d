"""A curve drawn with characters."""


def draw(points, unit, width=72, height=12):
    """`points` are (seconds, value); returns lines of text."""
    if not points:
        return "(no points)"
    low, high = 0.0, max(value for _, value in points) * 1.1 or 1.0
    first, last = points[0][0], points[-1][0]
    length = (last - first) or 1.0
    columns = [[] for _ in range(width)]
    for when, value in points:
        columns[min(width - 1, int((when - first) / length * width))].append(value)
    lines = []
    for row in range(height, 0, -1):
        top = low + (high - low) * row / height
        bottom = low + (high - low) * (row - 1) / height
        marks = "".join("*" if any(bottom <= value < top for value in column) else " " for column in columns)
        lines.append(f"{top:>10.1f} {unit} |{marks.rstrip()}")
    lines.append(" " * (11 + len(unit)) + "+" + "-" * width)
    lines.append(" " * (12 + len(unit)) + f"0 s{f'{last - first:.0f} s':>{width - 3}}")
    return "\n".join(lines)
