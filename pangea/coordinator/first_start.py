"""Who may log in when a coordinator starts: the codes that it was given."""

from collections.abc import Sequence

from pangea.storage.database import Store
from pangea.web.enroll import read_codes, sync_accounts
from pangea.web.stored_accounts import StoredAccounts


async def open_accounts(store: Store, codes: Sequence[str]) -> StoredAccounts:
    """Return the accounts; *codes* replace the ones given before.

    Raises ConfigError for codes that are too short or given twice.
    """
    accounts = StoredAccounts(store)
    await sync_accounts(accounts, read_codes("\n".join(codes)))
    return accounts
