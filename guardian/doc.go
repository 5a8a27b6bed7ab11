// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

// Package guardian gives up for an agent that can't: a small process beside the
// agent that waits for it to die, and then removes its addresses, releases its
// leases and tells the other routers, in milliseconds. The others wait neither
// for the leases' end nor for three intervals.
//
// # The agent's side
//
// [Start] starts the guardian, before the agent opens anything. The agent hands
// it a [Will] whenever that changes, before it takes the addresses that the will
// has, and the ends of its leases through [Guardian.Leases], which are memory that
// both processes see: a renewal costs no message. [Guardian.Run] starts another
// guardian if one dies. Its end dismisses the guardian, which then does nothing: an
// agent that stops in order gives up by itself, and first.
//
// # The guardian's side
//
// [Main] waits for one of three things. The agent dies: the fence is closed, the
// will's addresses are removed, the will's datagrams (releases of leases) leave,
// then the farewells (priority 0), and the journal of addresses is cleared. A lease
// ends while the agent is stopped: its addresses are removed, so that
// local clients don't see them either. Or it is dismissed, by SIGKILL: it is of no use
// for anything else.
//
// The agent's death shows when the kernel takes back a lock of the agent's
// process (fcntl(2), on the memory of the leases), for which the guardian waits.
// It does so as it begins to close the agent's files, when the last of the agent's
// threads has left user space for good: nothing that the agent has begun can undo
// what the guardian does then. The end of a socket shows it too, and is heeded, but
// comes later: what is closed before, packet sockets for one, takes the kernel
// 10 ms each, and a process between fork and exec can hold it open. A pidfd comes
// later still. PR_SET_PDEATHSIG is of the thread that started the guardian, not of
// the process.
//
// The guardian ignores the signals that ask a process to end: systemd and
// terminals send them to all. It is a session of its own, and keeps in memory
// what it has touched, if it may lock memory.
//
// # One after the other
//
// A guardian at work must not strip the agent that comes next. It holds a lock
// in the runtime directory, for which Start and [Await] wait. The lock's file comes
// with the guardian's birth, so that there is no moment in which it lives without.
//
// The package works on Linux only.
package guardian
