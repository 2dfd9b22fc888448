# The agent on every client of a Nomad cluster whose images cannot be changed. The package must be on the
# client: raw_exec, which is off by default and needs `plugin "raw_exec" { config { enabled = true } }` in
# the client's configuration, runs the client's own program as root. It pins nothing before Nomad runs, so
# keep hostspin-apply.service and hostspin-guard.path enabled, and leave the agent to Nomad:
# `systemctl disable --now hostspin.service`.
#
# After an upgrade of the package restart the job (`nomad job restart hostspin`, or `nomad alloc restart` one
# by one), which otherwise runs the old program on. Stop it (`nomad job stop hostspin`) before the package is
# removed, or the agent puts the block back that the removal takes out.
job "hostspin" {
  datacenters = ["*"]
  type        = "system"
  priority    = 100

  group "agent" {
    restart {
      attempts = 10
      interval = "5m"
      delay    = "10s"
      mode     = "delay"
    }

    task "agent" {
      driver = "raw_exec"

      config {
        command = "/usr/sbin/hostspin"
        args    = ["agent"]
      }

      resources {
        cpu    = 20
        memory = 128
      }
    }
  }
}
