#pragma once

namespace hostspin::desk {

/// Keeps this process's memory to itself, before anything secret is in it: no core, not dumpable
/// (no other process of the same user can read it or trace it), and private keys and passphrases in
/// memory that is locked and left out of dumps. As far as the system allows: RLIMIT_MEMLOCK may
/// leave no room for locking.
void protect_process();

}  // namespace hostspin::desk
