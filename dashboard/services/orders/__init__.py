"""Orders: operations that programs ask for by numbers and names, in one request or in two.

An order is found to be allowed and planned as a draft; unless it is a dry run it is confirmed at
once. The same key and content again is the same operation, however often it comes.
"""

from dashboard.services.orders.errors import OrderInvalid
from dashboard.services.orders.keys import Key
from dashboard.services.orders.kinds import (
    EraseOrder,
    ForkOrder,
    Order,
    PruneOrder,
    RestoreOrder,
    SweepOrder,
    UndoOrder,
    VerifyOrder,
)
from dashboard.services.orders.placing import Placed, Terms, place_order
from dashboard.services.orders.shown import (
    PlanEntry,
    PlanPage,
    Receipt,
    ShownOperation,
    plan_page,
    receipt,
    shown,
)

__all__ = [
    "EraseOrder",
    "ForkOrder",
    "Key",
    "Order",
    "OrderInvalid",
    "Placed",
    "PlanEntry",
    "PlanPage",
    "PruneOrder",
    "Receipt",
    "RestoreOrder",
    "ShownOperation",
    "SweepOrder",
    "Terms",
    "UndoOrder",
    "VerifyOrder",
    "place_order",
    "plan_page",
    "receipt",
    "shown",
]
