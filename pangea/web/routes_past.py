"""The routes that look back."""

from .api_backtest import BacktestAnswer, BacktestBody, backtest
from .route import Route

PAST_ROUTES: list[Route] = [
    Route(
        method="POST",
        path="/api/v1/backtest",
        handler=backtest,
        summary="What another rule would have made of what has been",
        body=BacktestBody,
        answer=BacktestAnswer,
        auth="admin",
    ),
]
