# SPDX-License-Identifier: GPL-2.0
"""
A real API server: kube-apiserver and etcd as scripts/cluster/get-programs
built them, in a namespace on the fabric (172.31.0.250, fd31::250), with an
authority of their own and RBAC. Nothing else of Kubernetes runs: what
controllers and kubelets would write, tests write.
"""
import base64
import copy
import glob
import http.client
import json
import os
import signal
import socket
import ssl
import subprocess
import time

import yaml

import netns
import tap

ADDR = {4: "172.31.0.250", 6: "fd31::250"}
PORT = 6443
SERVICE_CIDRS = "10.96.0.0/16,fd00:96::/108"
START_S = 60
# SLUICE_TEST_CLUSTER: where the programs are, from whoever called get-programs
PROGRAMS = os.environ.get("SLUICE_TEST_CLUSTER", "")

PATHS = {
    "Namespace": "/api/v1/namespaces", "Node": "/api/v1/nodes", "Pod": "/api/v1/{}/pods",
    "ServiceAccount": "/api/v1/{}/serviceaccounts", "Service": "/api/v1/{}/services",
    "EndpointSlice": "/apis/discovery.k8s.io/v1/{}/endpointslices",
    "ConfigMap": "/api/v1/{}/configmaps", "Deployment": "/apis/apps/v1/{}/deployments",
    "NetworkPolicy": "/apis/networking.k8s.io/v1/{}/networkpolicies",
    "ClusterNetworkPolicy": "/apis/policy.networking.k8s.io/v1alpha2/clusternetworkpolicies",
    "ClusterRole": "/apis/rbac.authorization.k8s.io/v1/clusterroles",
    "ClusterRoleBinding": "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings",
    "CustomResourceDefinition": "/apis/apiextensions.k8s.io/v1/customresourcedefinitions",
}


def definition(kind):
    """The CustomResourceDefinition of @kind, as its project publishes it."""
    path, = glob.glob(f"{PROGRAMS}/../crds/{kind}-*.yaml")
    with open(path) as f:
        return next(yaml.safe_load_all(f))


def later_definition(kind):
    """The same as a later one may be: with fields that this sluice doesn't know."""
    crd = definition(kind)
    for version in crd["spec"]["versions"]:
        schema = version["schema"]["openAPIV3Schema"]["properties"]
        schema["spec"] = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    return crd


class ApiError(Exception):
    def __init__(self, status, text):
        super().__init__(f"HTTP {status}: {text}")
        self.status = status


def path_of(kind, ns=None, name=None):
    path = PATHS[kind].format(f"namespaces/{ns}")
    return f"{path}/{name}" if name else path


def base64_of(path):
    with open(path, "rb") as f:
        return base64.b64encode(f.read()).decode()


def openssl(*argv, stdin=None):
    netns.run("openssl", *argv, stdin=stdin)


class Authority:
    """Makes keys and certificates below @dir, by the openssl program."""

    def __init__(self, directory, name="authority"):
        self.dir, self.name = directory, name
        os.makedirs(directory, exist_ok=True)
        openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                "-keyout", self.path(name, "key"), "-out", self.path(name, "crt"), "-days", "2",
                "-subj", f"/CN={name}")

    def path(self, name, ext):
        return f"{self.dir}/{name}.{ext}"

    def issue(self, name, subject, usage, sans="", days=1):
        """@days negative: it has expired. Returns (certificate, key)."""
        conf = f"extendedKeyUsage={usage}\n" + (f"subjectAltName={sans}\n" if sans else "")
        with open(self.path(name, "ext"), "w") as f:
            f.write(conf)
        openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout",
                self.path(name, "key"), "-out", self.path(name, "csr"), "-subj", subject)
        when = ["-days", str(days)]
        openssl("x509", "-req", "-in", self.path(name, "csr"), "-CA", self.path(self.name, "crt"),
                "-CAkey", self.path(self.name, "key"), "-CAcreateserial", "-out",
                self.path(name, "crt"), "-extfile", self.path(name, "ext"), *when)
        return self.path(name, "crt"), self.path(name, "key")


class _Https(http.client.HTTPSConnection):
    """A connection from within a namespace."""

    def __init__(self, ns, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.ns = ns

    def connect(self):
        with self.ns:
            super().connect()
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


class ApiServer:
    """@whole: for kubelets, too: with the admission and authorization of a real cluster."""

    def __init__(self, cluster, directory, whole=False):
        self.whole = whole
        if not PROGRAMS or not os.access(f"{PROGRAMS}/kube-apiserver", os.X_OK):
            raise tap.Skip("no kube-apiserver: set SLUICE_TEST_CLUSTER (make check-k8s does)")
        self.dir = directory
        self.ns = netns.Netns("api")
        cluster.plug(self.ns, "eth0", ADDR, 1500)
        self.authority = Authority(f"{directory}/pki")
        self.url = f"https://{ADDR[4]}:{PORT}"
        self._make_certificates()
        self.etcd = self.server = self.connection = None
        self.start()

    def _make_certificates(self):
        sans = f"IP:127.0.0.1,IP:{ADDR[4]},IP:{ADDR[6]},IP:10.96.0.1,DNS:kubernetes.default.svc"
        self.serving = self.authority.issue("server", "/CN=kube-apiserver", "serverAuth", sans)
        self.admin = self.authority.issue("admin", "/O=system:masters/CN=admin", "clientAuth")
        openssl("genrsa", "-out", f"{self.dir}/pki/sa.key", "2048")

    # ----------------------------------------------------------- life time

    def _spawn(self, name, *argv):
        with open(f"{self.dir}/{name}.log", "a") as log:
            return self.ns.popen([f"{PROGRAMS}/{name}", *argv], stdin=subprocess.DEVNULL, stdout=log,
                                 stderr=log, cwd=self.dir)

    def start(self, bind="0.0.0.0"):
        """@bind: "127.0.0.1" for a server that is there for the test alone."""
        if not self.etcd:
            self.etcd = self._spawn(
                "etcd", "--data-dir", f"{self.dir}/etcd", "--unsafe-no-fsync", "--listen-client-urls",
                "http://127.0.0.1:2379", "--advertise-client-urls", "http://127.0.0.1:2379",
                "--listen-peer-urls", "http://127.0.0.1:2380", "--log-level", "error")
        pki = f"{self.dir}/pki"
        self.server = self._spawn(
            "kube-apiserver", "--etcd-servers", "http://127.0.0.1:2379", "--secure-port", PORT,
            "--bind-address", bind, "--advertise-address", ADDR[4],
            "--client-ca-file", f"{pki}/authority.crt",
            "--tls-cert-file", self.serving[0], "--tls-private-key-file", self.serving[1],
            "--service-account-issuer", "https://kubernetes.default.svc",
            "--service-account-key-file", f"{pki}/sa.key", "--service-account-signing-key-file",
            f"{pki}/sa.key", *self._extras(),
            "--runtime-config", "api/all=true", "--v", "1")
        netns.wait_for("the API server", self._is_ready, START_S)

    def _extras(self):
        if not self.whole:
            return ["--disable-admission-plugins", "ServiceAccount", "--authorization-mode", "RBAC",
                    "--endpoint-reconciler-type", "none", "--service-cluster-ip-range", SERVICE_CIDRS]
        return ["--authorization-mode", "Node,RBAC", "--service-cluster-ip-range", SERVICE_CIDRS,
                "--enable-admission-plugins", "NodeRestriction", "--kubelet-client-certificate",
                self.admin[0], "--kubelet-client-key", self.admin[1],
                "--kubelet-preferred-address-types", "InternalIP", "--allow-privileged"]

    def _is_ready(self):
        if self.server.poll() is not None:
            with open(f"{self.dir}/kube-apiserver.log", errors="replace") as f:
                raise netns.Error("kube-apiserver ended:\n" + "".join(f.readlines()[-10:]))
        try:
            self.ask("GET", "/readyz", parse=False)
            return True
        except (OSError, ApiError, http.client.HTTPException):
            time.sleep(0.2)
            return False

    def stop(self):
        """The API server alone; etcd keeps what there is."""
        self._drop_connection()
        self.server.send_signal(signal.SIGKILL)
        self.server.wait()
        self.server = None

    def close(self):
        self._drop_connection()
        for p in (self.server, self.etcd):
            if p:
                p.kill()
                p.wait()

    def another(self):
        """The same server by a connection of its own, for another thread; disconnect() ends it."""
        other = copy.copy(self)
        other.connection = None
        return other

    def disconnect(self):
        self._drop_connection()

    def _drop_connection(self):
        if self.connection:
            self.connection.close()
        self.connection = None

    # ------------------------------------------------------------ requests

    def _connect(self):
        context = ssl.create_default_context(cafile=self.authority.path("authority", "crt"))
        context.load_cert_chain(*self.admin)
        self.connection = _Https(self.ns, "127.0.0.1", PORT, context=context, timeout=20)

    def ask(self, method, path, body=None, kind="application/json", parse=True):
        if not self.connection:
            self._connect()
        try:
            self.connection.request(method, path, json.dumps(body) if body is not None else None,
                                    {"Content-Type": kind} if body is not None else {})
            answer = self.connection.getresponse()
            text = answer.read()
        except (OSError, http.client.HTTPException):
            self._drop_connection()
            raise
        if answer.status >= 300:
            raise ApiError(answer.status, text.decode(errors="replace")[:500])
        return json.loads(text) if parse else text

    def watch(self, path, version):
        """
        Events of what changes at @path after @version, until the server ends it or
        is silent for long, which raises TimeoutError. For another(): takes the
        connection for itself.
        """
        self._connect()
        self.connection.request("GET", f"{path}?watch=true&resourceVersion={version}")
        answer = self.connection.getresponse()
        if answer.status >= 300:
            raise ApiError(answer.status, answer.read().decode(errors="replace")[:500])
        for line in answer:
            yield json.loads(line)

    def define(self, kind):
        """Makes the server know @kind; returns when it does."""
        self.define_as(definition(kind))

    def define_as(self, crd):
        kind = crd["spec"]["names"]["plural"]
        self.put(crd)
        path = path_of("CustomResourceDefinition", None, crd["metadata"]["name"])
        netns.wait_for(f"{kind} to be served", lambda: any(
            c["type"] == "Established" and c["status"] == "True"
            for c in self.ask("GET", path).get("status", {}).get("conditions") or []))

    def put(self, obj):
        """Creates or replaces, status included. Returns the object as the server has it."""
        kind, meta = obj["kind"], obj["metadata"]
        ns, name = meta.get("namespace"), meta["name"]
        try:
            out = self.ask("POST", path_of(kind, ns), obj)
        except ApiError as e:
            # that a Service is there already is told of its address before it is of its name
            if e.status != 409 and not (kind == "Service" and e.status == 422 and
                                        self._has(kind, ns, name)):
                raise
            out = self._replace(kind, ns, name, obj)
        if obj.get("status") and kind in ("Pod", "Node", "Service"):
            out = self.ask("PATCH", path_of(kind, ns, name) + "/status", {"status": obj["status"]},
                           "application/merge-patch+json")
        return out

    def _has(self, kind, ns, name):
        try:
            return bool(self.ask("GET", path_of(kind, ns, name)))
        except ApiError as e:
            if e.status != 404:
                raise
            return False

    def _replace(self, kind, ns, name, obj):
        path = path_of(kind, ns, name)
        if kind in ("Pod", "Node", "Namespace"):
            # most of their fields may not change: labels do
            have = self.ask("GET", path)["metadata"].get("labels") or {}
            labels = {k: None for k in have if not k.startswith("kubernetes.io/")}
            labels.update(obj["metadata"].get("labels") or {})
            return self.ask("PATCH", path, {"metadata": {"labels": labels}},
                            "application/merge-patch+json")
        version = self.ask("GET", path)["metadata"]["resourceVersion"]
        body = {**obj, "metadata": {**obj["metadata"], "resourceVersion": version}}
        return self.ask("PUT", path, body)

    def delete(self, kind, name, ns=None):
        self.ask("DELETE", path_of(kind, ns, name),
                 {"kind": "DeleteOptions", "apiVersion": "v1", "gracePeriodSeconds": 0})
        if kind == "Namespace":
            # no controller empties it: its finalizer goes by hand
            obj = self.ask("GET", path_of(kind, ns, name))
            obj["spec"]["finalizers"] = []
            self.ask("PUT", path_of(kind, ns, name) + "/finalize", obj)

    def token(self, ns, name, seconds=3600):
        """A service account's token, which the server signed."""
        out = self.ask("POST", path_of("ServiceAccount", ns, name) + "/token", {
            "apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest",
            "spec": {"expirationSeconds": seconds}})
        return out["status"]["token"]

    def kubeconfig(self, path, url=None, authority=None, pair=None, **user):
        """
        Writes a kubeconfig for @user, such as tokenFile=…, or for who has the
        certificate and key of @pair, which are then in it, as the authority is.
        """
        conf = {"apiVersion": "v1", "kind": "Config", "current-context": "c",
                "contexts": [{"name": "c", "context": {"cluster": "k", "user": "u"}}],
                "clusters": [{"name": "k", "cluster": {
                    "server": url or self.url,
                    "certificate-authority": authority or self.authority.path("authority", "crt")}}],
                "users": [{"name": "u", "user": user}]}
        if pair:
            conf["clusters"][0]["cluster"] = {
                "server": url or self.url,
                "certificate-authority-data": base64_of(self.authority.path("authority", "crt"))}
            user["client-certificate-data"], user["client-key-data"] = map(base64_of, pair)
        with open(path, "w") as f:
            json.dump(conf, f, indent=1)
        os.chmod(path, 0o600)

    def program(self, name, *argv, stdin=None, timeout=60):
        """Runs kubectl, or another program for a cluster's users, as its administrator."""
        conf = f"{self.dir}/admin.conf"
        self.kubeconfig(conf, url=f"https://127.0.0.1:{PORT}",
                        **{"client-certificate": self.admin[0], "client-key": self.admin[1]})
        env = {**os.environ, "KUBECONFIG": conf, "HOME": self.dir}
        return self.ns.run(f"{PROGRAMS}/{name}", *argv, env=env, stdin=stdin, timeout=timeout)

    def compact(self):
        """Forgets all versions but the newest, so that older ones are gone."""
        script = (f"import json, urllib.request as u\n"
                  "def ask(p, b): return json.load(u.urlopen(u.Request('http://127.0.0.1:2379/v3/kv/' + p, "
                  "json.dumps(b).encode())))\n"
                  "r = ask('range', {'key': 'AA=='})['header']['revision']\n"
                  "ask('compaction', {'revision': r, 'physical': True})\n")
        self.ns.run("python3", "-c", script)
