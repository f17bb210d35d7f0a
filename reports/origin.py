"""Where and when a run was made: what all of its lines in a history have in common."""
import datetime
import hashlib
import json
import os
import platform
import subprocess


def first_line(*command):
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.stdout.split("\n")[0].strip()


def file_system_of(folder):
    return (first_line("findmnt", "-no", "FSTYPE", "--target", folder)
            or first_line("stat", "-f", "-c", "%T", folder))


def libc_version():
    """With the distribution's revision, which may bring another memcpy; empty where nothing says it."""
    found = first_line("ldd", "--version")
    return found.removeprefix("ldd ") or " ".join(platform.libc_ver()).strip()


def machine(file_system):
    with open("/proc/cpuinfo", encoding="utf-8") as info:
        names = [line.split(":", 1)[1].strip() for line in info if line.startswith("model name")]
    with open("/proc/meminfo", encoding="utf-8") as info:
        memory = round(int(info.readline().split()[1]) / 2**20)
    # What the id is made of stays as it is: with another id, all series would begin anew.
    about = {"cpu": names[0] if names else platform.machine(), "cores": os.cpu_count(), "memory_gib": memory,
             "file_system": file_system,
             "kernel": f"{platform.system()} {platform.release()}",
             "compiler": first_line("g++", "--version")}
    about = {"id": hashlib.sha256(json.dumps(about, sort_keys=True).encode()).hexdigest()[:8], **about}
    libc = libc_version()
    return {**about, "libc": libc} if libc else about


def common(profile, file_system, commit=None, time=None):
    """What is not given is the checkout's state, now."""
    dirty = not commit and bool(first_line("git", "status", "--porcelain", "--untracked-files=no"))
    commit = commit or first_line("git", "rev-parse", "HEAD")
    time = time or datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
    return {"schema": 1, "run": f"{time}-{commit[:12]}", "time": time, "commit": commit, "dirty": dirty,
            "profile": profile, "machine": machine(file_system)}
