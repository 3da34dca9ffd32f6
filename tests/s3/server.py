"""An S3-compatible store on a free port of the loopback interface, in memory; it ends when its standard output is closed."""

import threading

from moto.server import ThreadedMotoServer

server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
server.start()
host, port = server.get_host_and_port()
print(f"s3 ready {host}:{port}", flush=True)
threading.Event().wait()
