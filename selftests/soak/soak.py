# SPDX-License-Identifier: GPL-2.0
"""
Cases (world.py) run on a real daemon that hears of them from a real API
server. At each step, of each question:

    the evaluator of Kubernetes' text (policy/oracle.py)
    = what the daemon's model says     (`policy.explain`, "model")
    = what the kernel's tables say     (the same, "kernel": read back)
    = what becomes of a real packet

and while a step is carried out, packets of some of the questions go on all the
time: each endpoint decides as before or as afterwards, never otherwise.
"""
import itertools
import json
import os
import random
import time

import apiserver
import netns
import tap
import wire
import world
from cluster import Cluster, new_object
from node import Control, Pod

CASES = os.path.join(os.path.dirname(os.path.realpath(__file__)), "cases")
OUTSIDE = (200, 201)		# hosts; REMOTE is where the other node's pods are
REMOTE = 209
PROBED = 40			# questions that packets go on asking during a step
SHRINK_S = 240 * netns.SLOW
TRIES = 3			# of what was there during a step only
POLICY_DROPS = {"policy-egress", "policy-ingress"}


class Disagreement(Exception):
    """@who: with the oracle: "model", "tables", "packet", "during" a step, "open", or "drops"."""

    def __init__(self, who, step, question, text):
        super().__init__(f"step {step}: {text}")
        self.who, self.question = who, question


class Tally:
    """What has been compared; each count is of things that were really looked at."""
    NAMES = ("sets", "cases", "packets", "during", "changed", "mixed", "open", "writes", "refused", "restarts")

    def __init__(self):
        self.counts = dict.fromkeys(self.NAMES, 0)
        self.verdicts = {}

    def add(self, name, n=1):
        self.counts[name] += n

    def verdict(self, sides):
        word = "".join("-" if s is None else "a" if s else "d" for s in sides)
        self.verdicts[word] = self.verdicts.get(word, 0) + 1

    def __str__(self):
        c = self.counts
        return (f"{c['sets']} sets of policies, {c['cases']} cases, {c['packets']} of them by packets as well; "
                f"{c['during']} packets during changes, {c['changed']} of them to what changed, "
                f"{c['mixed']} between two ends of which one had changed; "
                f"{c['open']} connections over a change; {c['writes']} writes looked at; "
                f"{c['restarts']} daemons killed; "
                f"{c['refused']} objects refused by the API server\n"
                "(sender's egress, receiver's ingress): "
                + ", ".join(f"{k} {v}" for k, v in sorted(self.verdicts.items())))


class Soak:
    def __init__(self):
        self.tally = Tally()
        self.c = Cluster(options=["--masquerade", "no"], source="kubernetes")
        self.n = self.c.add_node()
        self.hosts = {i: self.c.add_host(i) for i in (*OUTSIDE, REMOTE)}
        self.c.apply(new_object(
            "Node", world.REMOTE_NODE, spec={"podCIDRs": ["10.244.9.0/24", "fd00:244:9::/64"]},
            status={"addresses": [{"type": "InternalIP", "address": a}
                                  for a in self.hosts[REMOTE].addr.values()]}))
        self.pods = {}
        for ns, name in world.local_names():
            if ("Namespace", None, ns) not in self.c.objects:
                self.c.apply(self.c.namespace(ns))
            self.pods[ns, name] = pod = Pod(self.n, ns, name)
            self.c.describe(pod)
            pod.add()
        self.base = set(self.c.objects)
        self._open_places()
        self.c.settle()
        self.control = None

    def _open_places(self):
        """Everybody's neighbours are known: packets wait for nobody's address."""
        uplink = self.n.ns.mac("uplink")
        self.places = {}
        for number, host in self.hosts.items():
            place = wire.Place(host.ns, "eth0", uplink)
            for v, a in host.addr.items():
                self.n.ns.ip(f"neighbour replace {a} lladdr {host.ns.mac('eth0')} dev uplink nud permanent")
                if number != REMOTE:
                    self.places[a] = place
            if number == REMOTE:
                self.places.update({a: place for addrs in world.REMOTE_ADDRS for a in addrs.values()})
        for pod in self.pods.values():
            place = wire.Place(pod.ns, "eth0", self.n.ns.mac(pod.host_dev))
            self.places.update({a: place for a in pod.addr.values()})
        self.ours = [a for pod in self.pods.values() for a in pod.addr.values()]
        self.others = [a for a in self.places if a not in self.ours]

    def generate(self, seed):
        outside = [a for i in OUTSIDE for a in self.hosts[i].addr.values()]
        local = {k: pod.addr for k, pod in self.pods.items()}
        return world.Generator(seed, self.n.name, local, outside).case()

    def bare(self):
        """Objects that there always are: pods of the node, and where they are."""
        out = [world.namespace(ns, {}) for ns in world.NAMESPACES]
        for (ns, name), pod in self.pods.items():
            obj = new_object("Pod", name, ns, spec={
                "nodeName": self.n.name, "containers": [{"name": "c", "image": "none"}]})
            world.set_addresses(obj, pod.addr)
            out.append(obj)
        return out

    # ------------------------------------------------------------ writing

    def write(self, write):
        """Returns whether it was taken: what the server refuses changes nothing."""
        try:
            if "put" in write:
                self.c.apply(write["put"])
            else:
                kind, ns, name = write["delete"]
                if (kind, ns, name) in self.c.objects:
                    self.c.delete(kind, name, ns)
        except apiserver.ApiError as e:
            if e.status not in (400, 422):
                raise
            del self.c.objects[world.write_key(write)]
            self.tally.add("refused")
            return False
        return True

    def reset(self, start):
        """Nothing of the case before stays; what can't be changed of pods is made anew."""
        for kind, ns, name in sorted(self.c.objects, key=str):
            if kind != "Namespace" and ((kind, ns, name) not in self.base or kind == "Pod"):
                self.c.delete(kind, name, ns)
        objects = {}
        for obj in {world.key(o): o for o in self.bare() + start}.values():
            if self.write({"put": obj}):
                objects[world.key(obj)] = obj
        self.c.settle()
        return objects

    def restart(self):
        self.hang_up()
        self.n.kill()
        self.n.start()
        self.tally.add("restarts")

    # ---------------------------------------------------------- comparing

    def hang_up(self):
        if self.control:
            self.control.__exit__()
        self.control = None

    def explain(self, question):
        src, dst, protocol, port = question
        if not self.control:
            self.control = Control(f"{self.n.dir}/run/sluiced.sock")
        out = self.control.ask("policy.explain", **{"from": src, "to": dst, "protocol": protocol.lower(),
                                                    "port": port})

        def sides(of):
            return tuple(out[of][side] and out[of][side]["verdict"] == "allow" for side in ("egress", "ingress"))
        return sides("model"), sides("kernel"), out["agree"]

    def compare(self, step, verdicts):
        """@verdicts: {question: what the oracle says}, against all three others."""
        for q, want in verdicts.items():
            model, kernel, agree = self.explain(q)
            if model != want:
                raise Disagreement("model", step, q, f"{self.name(q)}: the model says {model}, the oracle {want}")
            here = tuple(w if a in self.ours else None for w, a in zip(want, q))
            if kernel != here:
                raise Disagreement("tables", step, q, f"{self.name(q)}: the tables say {kernel}, the oracle {here}")
            if agree is not True:
                raise Disagreement("tables", step, q, f"{self.name(q)}: agree is {agree}")
            self.tally.verdict(want)
        passing = {q for q, v in verdicts.items() if self.passes(q, v)}
        arrived = wire.once(list(verdicts), self.places, passing)
        for q, want in verdicts.items():
            if arrived[q] != (q in passing):
                raise Disagreement("packet", step, q, f"{self.name(q)}: one {'passed' if arrived[q] else 'was dropped'}, "
                                   f"the oracle says {want}")
        self.tally.add("cases", len(verdicts))
        self.tally.add("packets", len(verdicts))

    def passes(self, question, verdict):
        """The other node's half of a verdict is for the other node to carry out."""
        return all(v is not False for v, a in zip(verdict, question) if a in self.ours)

    def name(self, question):
        by = {a: "/".join(k) for k, pod in self.pods.items() for a in pod.addr.values()}
        src, dst, protocol, port = question
        return f"{by.get(src, '')} {src} to {by.get(dst, '')} {dst} {protocol} {port}"

    # -------------------------------------------------------------- steps

    def carry_out(self, step):
        """A step with packets all the time; returns what was written, in the order of that."""
        probed = self.pick(step)
        allowed = {q for q in probed if self.passes(q, self.verdicts[q])}
        with wire.Steady(probed, self.places, allowed) as steady:
            steady.step(self.n.daemon.pid, step.get("kill"))
            done = [w for w in step["writes"] if self.write(w)]
            if step.get("kill"):
                self.wait_killed(steady)
                self.restart()
            self.c.settle()
        self.tally.add("writes", steady.writes)
        return probed, steady, done

    def wait_killed(self, steady):
        """It died of its write, or there is no write left to die of."""
        versions = self.c.versions()

        def over():
            return self.n.daemon.poll() is not None or self.n.knows(versions)
        netns.wait_for("the daemon to die, or to know all", over)
        steady.go()

    def pick(self, step):
        """Half of the probed are such that the step changes something for them, as far as there are any."""
        after = self.objects
        for w in step["writes"]:
            after = world.written(after, w)
        new = world.judge(after, self.standing)
        changing = [q for q in self.standing if new[q] != self.verdicts[q]]
        staying = [q for q in self.standing if new[q] == self.verdicts[q]]
        rng = random.Random(f"{self.seed} {step['number']} probed")
        rng.shuffle(changing)
        rng.shuffle(staying)
        changing = changing[:PROBED // 2]
        asked = [q for q in self.also if q not in changing]
        return asked + changing + staying[:PROBED - len(changing)]

    def possible(self, probed, done):
        """
        {question: {verdict of each state that there can have been}}. Kinds come
        by streams of their own, so that of several writes any may be first.
        """
        out = {q: set() for q in probed}
        for n in range(len(done) + 1):
            for some in itertools.combinations(done, n):
                objects = self.objects
                for w in some:
                    objects = world.written(objects, w)
                for q, v in world.judge(objects, probed).items():
                    out[q].add(v)
        return out

    def check_during(self, number, probed, steady, done):
        possible = self.possible(probed, done)
        # each end decides by itself, and one may know earlier than the other
        ends = {q: set(itertools.product(*(set(v) for v in zip(*vs)))) for q, vs in possible.items()}
        must = {q for q, vs in ends.items() if all(self.passes(q, v) for v in vs)}
        for q, (arrived, sent) in steady.results(must).items():
            self.tally.add("during", sent)
            self.tally.add("changed", sent if len(possible[q]) > 1 else 0)
            for what, count in ((True, arrived), (False, sent - arrived)):
                if count and all(self.passes(q, v) != what for v in ends[q]):
                    raise Disagreement("during", number, q, (
                        f"{self.name(q)}: {count} of {sent} packets were {'let through' if what else 'dropped'} "
                        f"during the step, of which nothing that was true meanwhile says so: {sorted(map(str, possible[q]))}"))
                if count and all(self.passes(q, v) != what for v in possible[q]):
                    self.tally.add("mixed", count)

    def check_afterwards(self, number, steady):
        """Connections of before: cut or going on, as the objects say now."""
        passing = {q for p in steady.probes if self.passes(q := p.question, self.verdicts[q])}
        for q, (arrived, sent) in steady.afterwards(passing).items():
            self.tally.add("open", any(p.open for p in steady.probes if p.question == q))
            if arrived != (sent if q in passing else 0):
                raise Disagreement("open", number, q, f"{self.name(q)}: {arrived} of {sent} packets of a connection "
                                                      f"of before arrive, the oracle says {self.verdicts[q]}")

    def check_drops(self, before):
        now = self.n.drops()
        other = {r: now[r] - before[r] for r in now if now[r] != before[r] and r not in POLICY_DROPS}
        if other:
            raise Disagreement("drops", "all", None, f"packets were dropped for other reasons than policy: {other}")

    # --------------------------------------------------------------- cases

    def ask(self, number):
        fresh = world.questions(self.seed, number, world.FRESH, self.ours, self.others)
        self.verdicts = world.judge(self.objects, dict.fromkeys(self.standing + fresh))
        self.compare(number, self.verdicts)
        self.tally.add("sets")

    def run(self, case):
        """Raises Disagreement."""
        self.seed, self.also = case["seed"], [tuple(q) for q in case["questions"]]
        self.standing = list(dict.fromkeys(self.also + world.questions(
            self.seed, "standing", world.STANDING, self.ours, self.others)))
        drops = self.n.drops()
        self.objects = self.reset(case["start"])
        self.ask(0)
        for step in case["steps"]:
            probed, steady, done = self.carry_out(step)
            self.check_during(step["number"], probed, steady, done)
            for w in done:
                self.objects = world.written(self.objects, w)
            self.ask(step["number"])
            self.check_afterwards(step["number"], steady)
        self.check_drops(drops)

    def shrink(self, case, found):
        """The smallest case that goes on failing, and how it fails; None: it did not fail again."""
        from shrink import smaller
        deadline, last = time.monotonic() + SHRINK_S, None
        tally, self.tally = self.tally, Tally()
        if found.question:
            case = {**case, "questions": [*case["questions"], list(found.question)]}

        def fails(some):
            nonlocal last
            for _ in range(TRIES if found.who == "during" else 1):
                if time.monotonic() > deadline:
                    break
                try:
                    self.run(some)
                except Disagreement as e:
                    if e.who == found.who:
                        last = e
                        return True
            return False
        try:
            if not fails(case):
                return None, None
            return smaller(case, fails), last
        finally:
            self.tally = tally


def keep(case, why):
    path = f"{CASES}/seed-{case['seed']}.json"
    with open(path, "w") as f:
        json.dump({"why": str(why), **case}, f, indent=1)
        f.write("\n")
    return path


def report(soak, case, e):
    """What a person needs to know of a disagreement."""
    tap.diag(f"seed {case['seed']}: {e}")
    small, how = soak.shrink(case, e)
    if small:
        case, e = small, how
        tap.diag(f"made smaller: {len(case['start'])} objects, {len(case['steps'])} steps: {e}")
    else:
        tap.diag("it did not happen again: kept whole")
    return keep(case, e)
