"""Plans that would not work now, and why."""

from tests.e2e.reasons import REGION, Situation, group, plan, server, server_id, target, wave, world_account


def _half(number: int) -> dict[str, object]:
    """A group of a third of a thousand servers and two."""
    return group("too-large", f"third-{number}", "too-large", serverSelectionTags={"Third": str(number)})


PLANS: tuple[Situation, ...] = (
    Situation(
        name="hole",
        word="ProtectionGroupNotFound",
        kind="drplan",
        condition="GroupsReady",
        status="False",
        says=("wave 2", "ProtectionGroup nothing"),
        event="ProtectionGroupNotFound",
        objects=(group("hole"), plan("hole", wave(1, "hole"), wave(2, "nothing"))),
        servers=(server("hole"),),
        because="a wave names a group that does not exist",
    ),
    Situation(
        name="group-not-ready",
        word="TooFewServers",
        kind="drplan",
        condition="GroupsReady",
        status="False",
        says=("ProtectionGroup group-not-ready", "Situation=group-not-ready"),
        event="TooFewServers",
        objects=(group("group-not-ready"), plan("group-not-ready")),
        because="a plan says why its group is not Ready",
    ),
    Situation(
        name="strange-optional",
        word="InvalidWaveData",
        kind="drplan",
        condition="WavesValid",
        status="False",
        says=("wave 1", server_id("strange-optional", 9)),
        event="InvalidWaveData",
        objects=(
            group("strange-optional"),
            plan("strange-optional", wave(1, "strange-optional", optionalServerIds=[server_id("strange-optional", 9)])),
        ),
        servers=(server("strange-optional"),),
        because="optionalServerIds names a server that is not in the group",
    ),
    Situation(
        name="oversized",
        word="WaveSizeExceeded",
        kind="drplan",
        condition="WavesValid",
        status="False",
        says=("wave 1", "101 servers", "100"),
        event="WaveSizeExceeded",
        objects=(group("oversized"), plan("oversized")),
        servers=tuple(server("oversized", number) for number in range(1, 102)),
        because="a drill takes at most 100 servers in a job",
    ),
    Situation(
        name="too-large",
        word="PlanTooLarge",
        kind="drplan",
        condition="WavesValid",
        status="False",
        says=("1002 servers", "1000"),
        event="PlanTooLarge",
        objects=(
            target("too-large", REGION),
            *(_half(number) for number in (1, 2, 3)),
            plan("too-large", *(wave(number, f"third-{number}") for number in (1, 2, 3)), splitOversizedWaves=True),
        ),
        accounts=(
            world_account(
                "too-large",
                {
                    "name": REGION,
                    "quotas": {"replicatingServers": 2000},
                    "sourceServers": [
                        {
                            "count": 334,
                            "idPrefix": f"s-third{number}",
                            "hostnamePrefix": f"third-{number}-",
                            "tags": {"Third": str(number)},
                            "snapshots": ["PT5M"],
                        }
                        for number in (1, 2, 3)
                    ],
                },
            ),
        ),
        because="a plan takes at most 1000 servers",
    ),
    Situation(
        name="lost-server",
        word="NoRecoveryPoint",
        kind="drplan",
        condition="Recoverable",
        status="False",
        says=("1 of 2 servers", "lost-server-2"),
        event="InvalidReplicationState",
        objects=(group("lost-server"), plan("lost-server")),
        servers=(server("lost-server", 1), server("lost-server", 2, replicationState="STOPPED", snapshots=[])),
        because="a member of its group cannot be recovered; Ready says what the group says",
    ),
)
