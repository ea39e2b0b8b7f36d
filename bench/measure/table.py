"""The report, in Markdown."""

from statistics import median


def scenario_table(scenario, rows):
    lines = [f"### {scenario.key}. {scenario.title}", ""]
    heads = ["server", scenario.unit, f"ratio to {scenario.against} (min to max)", "CPU/request",
             "ratio of CPU", "server busy", "p50", "p99", "others took"]
    lines += [_row(heads), _row(["---"] + ["---:"] * (len(heads) - 1))]
    for row in rows:
        if row.problem:
            lines.append(_row([row.name, "no figure: " + row.problem.replace("|", "/").replace("\n", " ")]
                              + [""] * (len(heads) - 2)))
            continue
        if not row.figures:
            continue
        lines.append(_row([
            row.name,
            number(median(scenario.figure(one) for one in row.figures)),
            spread(row.ratios),
            _middle(row, lambda one: one.processor, lambda value: f"{value * 1e6:.1f} us"),
            f"{median(row.processor_ratios):.2f}" if row.processor_ratios else "-",
            _middle(row, lambda one: one.busy, lambda value: f"{value:.0%}"),
            _middle(row, lambda one: one.p50, micros),
            _middle(row, lambda one: one.p99, micros),
            _middle(row, lambda one: one.disturbed, lambda value: f"{value:.0%}"),
        ]))
    for row in rows:
        remarks = [one.detail["remark"] for one in row.figures if one.detail.get("remark")]
        if remarks:
            lines.append(f"\n{row.name}: {remarks[0]} ({len(remarks)} of {len(row.figures)} rounds)")
    return "\n".join(lines) + "\n"


def summary(results, names):
    """All ratios to nginx at a glance; above 1 is better."""
    heads = ["scenario", "nginx", *[name for name in names if name != "nginx"], "bar", "aim"]
    lines = ["### Summary: ratios to nginx, above 1 is better (by the clock / by processor time of the server)", "", _row(heads),
             _row(["---"] + ["---:"] * (len(heads) - 1))]
    for scenario, rows in results:
        if scenario.against != "nginx" or scenario.starts_itself:
            continue
        by_name = {row.name: row for row in rows}
        nginx = by_name.get("nginx")
        absolute = "-"
        if nginx and nginx.figures:
            absolute = f"{number(median(scenario.figure(one) for one in nginx.figures))} {scenario.unit}"
        cells = [f"{scenario.key} {scenario.title}", absolute]
        for name in heads[2:-2]:
            row = by_name.get(name)
            cells.append("-" if row is None or not row.ratios else
                         "wrong" if row.problem else _both(scenario, row))
            if row is not None and row.problem:
                cells[-1] = "wrong"
        cells += [_or_dash(scenario.bar), _or_dash(scenario.aim)]
        lines.append(_row(cells))
    return "\n".join(lines) + "\n"


def _both(scenario, row):
    """Ratio, and the ratio of processor time where that says something else."""
    if scenario.key in "ghl" or not row.processor_ratios:
        return f"{median(row.ratios):.2f}"
    return f"{median(row.ratios):.2f} / {median(row.processor_ratios):.2f}"


def as_json(results):
    return [{
        "scenario": scenario.key, "title": scenario.title, "unit": scenario.unit,
        "against": scenario.against, "bar": scenario.bar, "aim": scenario.aim,
        "servers": {row.name: {
            "problem": row.problem,
            "figures": [scenario.figure(one) for one in row.figures],
            "ratios": row.ratios,
            "cpu_ratios": row.processor_ratios,
            "cpu_per_request": [one.processor for one in row.figures],
            "busy": [one.busy for one in row.figures],
            "p50_us": [one.p50 for one in row.figures],
            "p99_us": [one.p99 for one in row.figures],
            "others_took": [one.disturbed for one in row.figures],
        } for row in rows},
    } for scenario, rows in results]


def spread(ratios):
    if not ratios:
        return "-"
    return f"{median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})"


def number(value):
    if abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:.2f}" if abs(value) < 100 else f"{value:.0f}"


def micros(value):
    return f"{value / 1000:.1f} ms" if value >= 10_000 else f"{value:.0f} us"


def _middle(row, of, show):
    values = [of(one) for one in row.figures if of(one) is not None]
    return show(median(values)) if values else "-"


def _or_dash(value):
    return "-" if value is None else f"{value:g}"


def _row(cells):
    return "| " + " | ".join(cells) + " |"
