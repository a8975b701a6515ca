"""The routes of channels."""

from .api import Paging
from .api_channels import (
    add_channel,
    channel,
    channel_types,
    channels,
    edit_channel,
    remove_channel,
    test_channel,
)
from .route import Route
from .schema_channels import (
    ChannelAnswer,
    ChannelPatch,
    ChannelSpec,
    ChannelTest,
    ChannelType,
)

_ALL = "/api/v1/channels"
_ONE = "/api/v1/channels/{name}"

CHANNEL_ROUTES: list[Route] = [
    Route(
        method="GET",
        path="/api/v1/channel-types",
        handler=channel_types,
        summary="What channels may be, and the options of each type",
        query=Paging,
        answer=list[ChannelType],
    ),
    Route(
        method="GET",
        path=_ALL,
        handler=channels,
        summary="The ways to reach people, by name; secrets are masked",
        query=Paging,
        answer=list[ChannelAnswer],
        auth="operator",
    ),
    Route(
        method="POST",
        path=_ALL,
        handler=add_channel,
        summary="Add a channel; its options and templates are checked",
        body=ChannelSpec,
        answer=ChannelAnswer,
        auth="admin",
        status=201,
    ),
    Route(
        method="GET",
        path=_ONE,
        handler=channel,
        summary="One channel; secrets are masked",
        answer=ChannelAnswer,
        auth="operator",
    ),
    Route(
        method="PATCH",
        path=_ONE,
        handler=edit_channel,
        summary="Change a channel; a secret that is not given stays",
        body=ChannelPatch,
        answer=ChannelAnswer,
        auth="admin",
    ),
    Route(
        method="DELETE",
        path=_ONE,
        handler=remove_channel,
        summary="Remove a channel; 409 names the rules that use it",
        auth="admin",
        status=204,
    ),
    Route(
        method="POST",
        path=f"{_ONE}/test",
        handler=test_channel,
        summary="Send a message now that says that it is a test",
        answer=ChannelTest,
        auth="operator",
    ),
]
