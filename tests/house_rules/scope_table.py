"""The table of roles and scopes in docs/security.md; `python -m tests.house_rules.scope_table` writes it."""

from shared.auth import SCOPES, Role, Scope
from tests.house_rules import tree

GUIDE = tree.ROOT / "docs" / "security.md"
BEGINS, ENDS = "<!-- roles and scopes: written by tests.house_rules.scope_table -->\n", "<!-- end -->\n"


def table() -> str:
    """Write a row a scope: who has it."""
    roles = [role for role in Role if role not in {Role.CUSTOMER, Role.SERVICE}]
    head = ["scope", "storefront's key", *map(str, roles), "customer's link", "service"]
    lines = [head, ["---"] * len(head)]
    for scope in Scope:
        holders = [
            scope is Scope.STOREFRONT,
            *(scope in SCOPES[role] for role in (*roles, Role.CUSTOMER, Role.SERVICE)),
        ]
        everybody = scope is Scope.PUBLIC
        lines.append([f"`{scope}`", *("yes" if everybody or holds else "" for holds in holders)])
    return "".join(f"| {' | '.join(cells)} |\n" for cells in lines)


def written() -> str:
    """Give the table as the guide has it."""
    return GUIDE.read_text(encoding="utf-8").partition(BEGINS)[2].partition(ENDS)[0]


if __name__ == "__main__":
    text = GUIDE.read_text(encoding="utf-8")
    before, rest = text.split(BEGINS)
    GUIDE.write_text(before + BEGINS + table() + ENDS + rest.partition(ENDS)[2], encoding="utf-8")
