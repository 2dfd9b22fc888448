"""Ordering cycles in the graph of booted units.

systemd breaks a cycle by deleting a job, another one from boot to boot, so one healthy boot proves
nothing: the graph of After= and Before= is searched instead.
"""


def ordering(show: str) -> dict:
    """`systemctl show --all '*' -p Id -p After -p Before` as unit -> the units it comes after."""
    after: dict = {}
    for block in show.strip().split("\n\n"):
        values = dict(line.split("=", 1) for line in block.splitlines() if "=" in line)
        unit = values.get("Id")
        if not unit:
            continue
        after.setdefault(unit, set()).update(values.get("After", "").split())
        for later in values.get("Before", "").split():
            after.setdefault(later, set()).add(unit)
    return after


def cycles(after: dict) -> list:
    """The strongly connected components of more than one unit (Tarjan, without recursion)."""
    index: dict = {}
    low: dict = {}
    stack: list = []
    on_stack: set = set()
    found: list = []
    for start in after:
        if start in index:
            continue
        work = [(start, iter(sorted(after[start])))]
        index[start] = low[start] = len(index)
        stack.append(start)
        on_stack.add(start)
        while work:
            unit, rest = work[-1]
            for other in rest:
                if other not in after:
                    continue
                if other not in index:
                    index[other] = low[other] = len(index)
                    stack.append(other)
                    on_stack.add(other)
                    work.append((other, iter(sorted(after[other]))))
                    break
                if other in on_stack:
                    low[unit] = min(low[unit], index[other])
            else:
                work.pop()
                if work:
                    low[work[-1][0]] = min(low[work[-1][0]], low[unit])
                if low[unit] == index[unit]:
                    component = []
                    while True:
                        component.append(stack.pop())
                        on_stack.discard(component[-1])
                        if component[-1] == unit:
                            break
                    if len(component) > 1:
                        found.append(sorted(component))
    return found


def comes_before(after: dict, first: str, second: str) -> bool:
    """Whether `second` waits for `first`, directly or through others."""
    seen: set = set()
    work = [second]
    while work:
        unit = work.pop()
        if unit == first:
            return True
        if unit not in seen:
            seen.add(unit)
            work.extend(after.get(unit, ()))
    return False
