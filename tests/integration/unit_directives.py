"""The version of systemd that brought each directive that the units use: from 239 on every one of these is known, or
it is in NEWER, of which hostspin(8) says what holds without it."""

OLDEST = 239  # below it, the packages refuse to be installed

# Known to every systemd of this decade: those of units, of their order, of services and of sockets. (No later than 215.)
OLD = set("""
Accept AccuracySec After Before CapabilityBoundingSet ConditionPathExists ConditionPathIsReadWrite
ConditionPathIsSymbolicLink Conflicts DefaultDependencies Description Documentation ExecReload ExecStart Group KillMode
LimitCORE LimitNOFILE ListenStream MaxConnections NoNewPrivileges OnActiveSec OnBootSec OnUnitInactiveSec PartOf
PathChanged PrivateDevices PrivateNetwork ProtectHome ProtectSystem RemoveOnStop Restart RestartSec
RestrictAddressFamilies RuntimeDirectory SocketMode StandardError StandardInput StandardOutput SuccessExitStatus
SystemCallArchitectures SystemCallErrorNumber SystemCallFilter TimeoutStartSec TimeoutStopSec Type UMask Unit User
WantedBy Wants WatchdogSec
""".split())

SINCE = {
    "TasksMax": 227, "RandomizedDelaySec": 229, "RuntimeMaxSec": 229, "StartLimitIntervalSec": 230,
    "InaccessiblePaths": 231, "MemoryDenyWriteExecute": 231, "MemoryMax": 231, "ReadOnlyPaths": 231,
    "ReadWritePaths": 231, "RestrictRealtime": 231, "PrivateUsers": 232, "ProtectControlGroups": 232,
    "ProtectKernelModules": 232, "ProtectKernelTunables": 232, "RemoveIPC": 232, "RestrictNamespaces": 233,
    "IPAddressAllow": 235, "IPAddressDeny": 235, "KeyringMode": 235, "LockPersonality": 235,
    "RuntimeDirectoryPreserve": 235, "CollectMode": 236, "LogLevelMax": 236, "PrivateMounts": 239,
}

NEWER = {
    "ProtectHostname": 242, "RestrictSUIDSGID": 242, "OOMPolicy": 243, "ProtectKernelLogs": 244, "ProtectClock": 245,
    "FixedRandomDelay": 247, "ProcSubset": 247, "ProtectProc": 247,
    "TriggerLimitIntervalSec": 250,  # of a path unit; a socket's is older
}
