"""A drawing of the network: zones and tiers, the database's instances in them, and who talks to whom."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from blueprint.aws.subnets import Tier
from blueprint.instances import Instance
from blueprint.platform import Platform
from preview.html.markup import Markup, box, label, svg, tag
from preview.report import Report, subnets
from preview.units import count

WIDTH, LEFT, RIGHT = 980, 122, 12  # the names of the tiers stand at the left
PUBLIC, HOSTS, BETWEEN = 58, 136, 154  # where the tiers begin, and what is under the hosts
BAND = 80  # height of the hosts
DATABASE = 292
PRIMARY = DATABASE + 44
BOX, STEP, INSET, SIDE = 64, 78, 48, 24  # of an instance: height, distance to the next below, room at both sides
REPLICAS = PRIMARY + BOX + 56
MOST_HOSTS = 3
HOSTS_SEND = ("application host with a PgBouncer sends", "application hosts, each with a PgBouncer, send")
NOTES = {Tier.PUBLIC: "way out", Tier.APPLICATION: "no way in", Tier.DATABASE: "no way out"}


def drawing(report: Report) -> Markup:
    """The whole of it; what it shows is in its description too."""
    made = _Drawing(platform=report.platform, zones=subnets(report.platform))
    title = f"Where the database of {report.first.stack} stands"
    parts = [*made.tiers(), *made.ways_out(), *made.hosts(), *made.primary(), *made.replicas(), *made.words()]
    return svg("topology-drawing", title, _described(report), WIDTH, made.height, parts)


def _described(report: Report) -> str:
    """The drawing as sentences."""
    platform = report.platform
    stands = "a standby in another zone" if platform.settings.database.multi_az else "no standby"
    replicas = "; ".join(f"{each.role} in {each.zone}, for {each.purpose}" for each in platform.replicas)
    return (
        f"A private network in {platform.settings.region} with the zones {', '.join(subnets(platform))}. "
        f"{count(platform.budget.hosts, *HOSTS_SEND)} writes to the primary, which has {stands}. Read replicas: "
        f"{replicas or 'none'}."
    )


@dataclass(frozen=True, kw_only=True)
class _Drawing:
    """Its measures follow from the zones and from how many replicas stand in one of them."""

    platform: Platform
    zones: dict[str, dict[str, str]]

    @property
    def column(self) -> float:
        """Width of a zone."""
        return (WIDTH - LEFT - RIGHT) / len(self.zones)

    @property
    def primary_zones(self) -> list[str]:
        """Where the primary and its standby may stand: with a subnet of the database's."""
        return [zone for zone, ids in self.zones.items() if Tier.DATABASE.value in ids]

    @property
    def box_width(self) -> float:
        return self.column - INSET - SIDE

    @property
    def deepest(self) -> int:
        """How many replicas stand in the zone that has most."""
        return max((len(self.standing(zone)) for zone in self.zones), default=0)

    @property
    def bottom(self) -> int:
        """Where the database's tier ends."""
        return REPLICAS + self.deepest * STEP + 16 if self.deepest else PRIMARY + BOX + 44

    @property
    def height(self) -> int:
        return self.bottom + 20

    def left(self, zone: str) -> float:
        return LEFT + list(self.zones).index(zone) * self.column

    def standing(self, zone: str) -> list[Instance]:
        return [each for each in self.platform.replicas if each.zone == zone]

    def tiers(self) -> Iterator[Markup]:
        network = self.platform.settings.network
        name = f"VPC {network.vpc.cidr}" if network.vpc else ""
        if network.existing_vpc:
            name = network.existing_vpc.vpc_id
        yield box(4, 4, WIDTH - 8, self.height - 8, rx=10, class_="vpc")
        yield label(18, 27, name, class_="strong")
        yield label(18, 46, self.platform.settings.region, class_="small")
        tops = {Tier.PUBLIC: (PUBLIC, 62), Tier.APPLICATION: (HOSTS, 118), Tier.DATABASE: (DATABASE, None)}
        for tier, (top, fixed) in tops.items():
            height = fixed or self.bottom - top
            yield label(18, top + 22, tier.value, class_="strong")
            yield label(18, top + 40, NOTES[tier], class_="small")
            for zone, ids in self.zones.items():
                if tier.value in ids:
                    x = self.left(zone) + 4
                    yield box(x, top, self.column - 8, height, rx=6, class_=f"tier {tier.value}")
                    told = ids[tier.value]
                    yield label(x + self.column - 16, top + height - 7, told, class_="tiny", text_anchor="end")
        for zone in self.zones:
            yield label(self.left(zone) + self.column / 2, 46, zone, class_="strong", text_anchor="middle")

    def ways_out(self) -> Iterator[Markup]:
        """NAT gateways of a network of our own."""
        vpc = self.platform.settings.network.vpc
        if vpc is None:
            return
        zones = list(self.zones)
        gateways = {"none": [], "single": zones[:1], "perZone": zones}[vpc.nat_gateways]
        for zone in gateways:
            x = self.left(zone) + self.column / 2
            yield box(x - 55, PUBLIC + 9, 110, 30, rx=5, class_="node")
            yield label(x, PUBLIC + 29, "NAT gateway", class_="small on", text_anchor="middle")
        if not gateways:
            yield label(LEFT + 14, PUBLIC + 28, "no NAT gateway: nothing leaves for the internet", class_="small")

    def hosts(self) -> Iterator[Markup]:
        budget = self.platform.budget
        shown = min(budget.hosts, MOST_HOSTS)
        x, y, room = LEFT + 16, HOSTS + 10, WIDTH - LEFT - RIGHT - 32
        more = f", {shown} of them drawn" if budget.hosts > shown else ""
        title = f"{count(budget.hosts, 'application host')}{more}, in any of these zones"
        yield box(x, y, room, BAND, rx=6, class_="band")
        yield label(x + 10, y + 17, title, class_="small")
        width = min(290.0, (room - 20) / shown - 12)
        processes = count(budget.processes_per_host, "process", "processes")
        pooler = f"PgBouncer, port {self.platform.settings.pooler.listen_port}"
        for index in range(shown):
            left = x + 10 + index * (width + 12)
            yield box(left, y + 26, width, 44, rx=5, class_="node")
            yield label(left + 10, y + 45, f"host {index + 1}: {processes}", class_="small on")
            yield label(left + 10, y + 62, pooler, class_="strong on")

    def primary(self) -> Iterator[Markup]:
        """The primary and its standby, in zones that RDS chooses."""
        multi, zones = self.platform.settings.database.multi_az, self.primary_zones
        yield box(LEFT + 16, DATABASE + 10, WIDTH - LEFT - RIGHT - 32, PRIMARY + BOX + 4 - DATABASE, rx=6,
                  class_="band dashed")  # fmt: skip
        x, y = self.left(zones[0]) + INSET, PRIMARY + BOX / 2
        yield _instance(x, PRIMARY, self.box_width, self.platform.primary)
        yield _arrow(
            f"M{self.middle:.1f},{HOSTS + 10 + BAND} V{PRIMARY - 3}", "write", self.middle, PRIMARY - 3, "down"
        )
        if multi and len(zones) > 1:
            other, end = self.left(zones[1]) + INSET, x + self.box_width
            size = self.platform.primary.instance_class.name
            yield _node(other, PRIMARY, self.box_width, "standby", "standby", size, "takes over if the primary fails")
            yield _arrow(f"M{end:.1f},{y:.1f} H{other - 3:.1f}", "sync", other - 3, y, "right")
            yield label(end + 5, y - 7, "copies", class_="tiny")

    @property
    def middle(self) -> float:
        """Of the primary's box."""
        return self.left(self.primary_zones[0]) + INSET + self.box_width / 2

    def replicas(self) -> Iterator[Markup]:
        """Each replica in its zone; readers come down at its left, what is copied at its right."""
        trunk = PRIMARY + BOX + 34
        if self.deepest:
            yield tag("path", d=f"M{self.middle:.1f},{PRIMARY + BOX} V{trunk}", class_="copy")
        for zone in self.zones:
            standing = self.standing(zone)
            if not standing:
                continue
            reads, copies = self.left(zone) + INSET - 20, self.left(zone) + self.column - 9
            x, last = self.left(zone) + INSET, REPLICAS + (len(standing) - 1) * STEP + BOX // 2
            yield tag("path", d=f"M{reads:.1f},{HOSTS + 10 + BAND} V{last}", class_="read")
            yield tag("path", d=f"M{self.middle:.1f},{trunk} H{copies:.1f} V{last}", class_="copy")
            for place, each in enumerate(standing):
                top = REPLICAS + place * STEP
                y, end = top + BOX / 2, x + self.box_width + 2
                yield _instance(x, top, self.box_width, each)
                yield _arrow(f"M{reads:.1f},{y:.1f} H{x - 3:.1f}", "read", x - 3, y, "right")
                yield _arrow(f"M{copies:.1f},{y:.1f} H{end:.1f}", "copy", end, y, "left")

    def words(self) -> Iterator[Markup]:
        """What stands on lines, and so is drawn after them."""
        database = self.platform.settings.database
        which = "primary and standby in two" if database.multi_az else "primary in one"
        yield label(self.middle + 14, DATABASE + 29, f"{which} of these zones, which RDS chooses", class_="small halo")
        yield label(self.middle + 9, HOSTS + BETWEEN - 8, f"writes, port {database.port}", class_="tiny")
        for zone in self.zones:
            if self.standing(zone):
                yield label(self.left(zone) + INSET - 11, HOSTS + BETWEEN - 8, "reads", class_="tiny")
        if self.deepest:
            yield label(self.middle + 9, PRIMARY + BOX + 27, "copies, a moment later", class_="tiny halo")


def _instance(x: float, y: float, width: float, each: Instance) -> Markup:
    size = f"{each.instance_class.name}, {each.instance_class.vcpus} vCPU, {each.instance_class.memory_gib} GiB"
    what = f"for {each.purpose}" if each.purpose else "reads and writes"
    return _node(x, y, width, "replica" if each.purpose else "primary", each.role, size, what)


def _node(x: float, y: float, width: float, class_: str, *lines: str) -> Markup:
    first, *others = lines
    return tag(
        "g", box(x, y, width, BOX, rx=6, class_=f"node {class_}"), label(x + 12, y + 21, first, class_="strong on"),
        [label(x + 12, y + 39 + index * 16, line, class_="small on") for index, line in enumerate(others)],
    )  # fmt: skip


def _arrow(path: str, class_: str, x: float, y: float, points: str) -> Markup:
    tips = {
        "down": f"{x:.1f},{y:.1f} {x - 5:.1f},{y - 9:.1f} {x + 5:.1f},{y - 9:.1f}",
        "right": f"{x:.1f},{y:.1f} {x - 9:.1f},{y - 5:.1f} {x - 9:.1f},{y + 5:.1f}",
        "left": f"{x:.1f},{y:.1f} {x + 9:.1f},{y - 5:.1f} {x + 9:.1f},{y + 5:.1f}",
    }
    return tag("g", tag("path", d=path, class_=class_), tag("polygon", points=tips[points], class_=f"tip {class_}"))
