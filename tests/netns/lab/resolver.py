# SPDX-License-Identifier: MIT
"""A D-Bus of its own with something on it that takes what systemd-resolved takes, and remembers it."""
import ipaddress
import socket
import subprocess
import threading

from jeepney import DBusAddress, HeaderFields, MessageType, new_error, new_method_return, new_signal
from jeepney.bus_messages import message_bus
from jeepney.io.blocking import open_dbus_connection

from .namespace import Failed
from .wait import wait_until

NAME = "org.freedesktop.resolve1"
PATH = "/org/freedesktop/resolve1"


class Bus:
    def __init__(self, directory):
        self.socket = directory / "bus"
        self.address = f"unix:path={self.socket}"
        self.config = directory / "bus.conf"
        self.config.write_text(f"""<busconfig><type>session</type><listen>{self.address}</listen><auth>EXTERNAL</auth>
            <policy context="default"><allow send_destination="*" eavesdrop="true"/><allow eavesdrop="true"/>
            <allow own="*"/></policy></busconfig>""")
        self.process = None

    def start(self):
        self.process = subprocess.Popen(["dbus-daemon", f"--config-file={self.config}", "--nofork", "--nopidfile"])
        wait_until(self.answers, 10, "the bus")

    def answers(self):
        """The file is there a moment before anybody listens."""
        with socket.socket(socket.AF_UNIX) as client:
            return client.connect_ex(str(self.socket)) == 0

    def stop(self):
        if self.process is not None:
            self.process.terminate()
            self.process.wait(10)
            self.process = None


class Resolver:
    """`links`: {interface index: {"dns": [address, …], "domains": [(name, routing only), …], "default_route": …}}"""

    def __init__(self, bus):
        self.bus = bus
        self.links = {}
        self.calls = []
        self.refusal = None   # name of the D-Bus error that every call gets
        self.silent = False   # answers nothing
        self.stubborn = False  # somebody else takes each link's servers away at once
        self._ending = threading.Event()
        self._altered = threading.Event()
        self._thread = None

    def start(self):
        self._ending.clear()
        connection = open_dbus_connection(bus=self.bus.address)
        reply = connection.send_and_get_reply(message_bus.RequestName(NAME))
        if reply.body != (1,):
            raise Failed(f"the bus does not give the name away: {reply.body}")
        self._thread = threading.Thread(target=self._serve, args=(connection,), daemon=True)
        self._thread.start()

    def stop(self):
        if self._thread is not None:
            self._ending.set()
            self._thread.join(10)
            self._thread = None

    def forget(self):
        """As when resolved was stopped and all of its state removed."""
        self.links.clear()
        self.calls.clear()

    def revert(self, index):
        """Somebody else does."""
        self.links.pop(index, None)
        self._altered.set()

    def _serve(self, connection):
        with connection:
            while not self._ending.is_set():
                if self._altered.is_set():
                    self._altered.clear()
                    self._tell(connection)
                try:
                    message = connection.receive(timeout=0.1)
                except TimeoutError:
                    continue
                except ConnectionError:  # the bus has ended
                    return
                if message.header.message_type is MessageType.method_call:
                    self._answer(connection, message)

    def _answer(self, connection, message):
        method, arguments = message.header.fields[HeaderFields.member], message.body
        self.calls.append(method)
        if self.silent:
            return
        if self.refusal:
            connection.send(new_error(message, self.refusal, "s", ("No.",)))
            return
        if method == "GetAll":
            connection.send(new_method_return(message, "a{sv}", (self._properties(message),)))
            return
        index = arguments[0]
        if method == "RevertLink":
            self.links.pop(index, None)
        else:
            link = self.links.setdefault(index, {"dns": [], "domains": [], "default_route": True})
            if method == "SetLinkDNS":
                link["dns"] = [str(ipaddress.ip_address(bytes(packed))) for _, packed in arguments[1]]
            elif method == "SetLinkDomains":
                link["domains"] = [(name, bool(only)) for name, only in arguments[1]]
            elif method == "SetLinkDefaultRoute":
                link["default_route"] = bool(arguments[1])
        connection.send(new_method_return(message))
        self._tell(connection)
        if self.stubborn and method == "SetLinkDefaultRoute":
            self.revert(index)

    def _tell(self, connection):
        """As resolved does whenever it was told anything: of its manager, of no link."""
        properties = DBusAddress(PATH, NAME, "org.freedesktop.DBus.Properties")
        connection.send(new_signal(properties, "PropertiesChanged", "sa{sv}as",
                                   (f"{NAME}.Manager", {}, ["DNS"])))

    def _properties(self, message):
        # The number is the last part of the path, its first digit written as _3X: a label begins with no digit.
        label = message.header.fields[HeaderFields.path].rsplit("/", 1)[1]
        link = self.links.get(int(chr(int(label[1:3], 16)) + label[3:]), {})
        servers = [ipaddress.ip_address(text) for text in link.get("dns", [])]
        return {"ScopesMask": ("t", 0),
                "DNS": ("a(iay)", [(2 if server.version == 4 else 10, server.packed) for server in servers]),
                "Domains": ("a(sb)", link.get("domains", [])),
                "DefaultRoute": ("b", link.get("default_route", True))}
