"""What is stored, by time: samples of it, measures of the stores, and quotas."""

from dashboard.services.storage.measuring import measure_source
from dashboard.services.storage.quotas import QuotaRefused, remove_quota, set_quota
from dashboard.services.storage.rounds import ask_for_due
from dashboard.services.storage.sampling import take_samples
from dashboard.services.storage.thinning import thin

__all__ = [
    "QuotaRefused",
    "ask_for_due",
    "measure_source",
    "remove_quota",
    "set_quota",
    "take_samples",
    "thin",
]
