"""Starts a program three times and tells how long each took until it was ready; runs in a pod, by `python -c`.

The arguments are the program; readiness is asked where the kubelet asks it.
"""

import subprocess
import sys
import time
import urllib.request

URL = "http://127.0.0.1:9090/readyz"
TIMES = 3


def seconds_until_ready() -> float:
    begun = time.monotonic()
    process = subprocess.Popen(sys.argv[1:])
    while True:
        try:
            urllib.request.urlopen(URL, timeout=1).close()
        except OSError:
            if process.poll() is not None:
                sys.exit(f"it ended with {process.returncode}")
            time.sleep(0.02)
        else:
            seconds = time.monotonic() - begun
            process.kill()
            process.wait()
            return seconds


for _ in range(TIMES):
    sys.stdout.write(f"seconds until ready: {seconds_until_ready():.2f}\n")
    sys.stdout.flush()
