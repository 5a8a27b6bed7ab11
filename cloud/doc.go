// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

// Package cloud moves addresses by the interfaces of clouds, where neither
// gratuitous ARP nor multicast reaches: the cloud says where packets go, and is
// told to send them here.
//
// A Provider is one means of one cloud: it reads and writes objects (a route, a
// secondary address, an Elastic IP's association) and decides nothing. A Mover
// is made of a Provider and is what an owner works with: it writes only what
// this node may write at this moment, reads back until the cloud shows it, tries
// again within a budget of time, and looks for what others have changed.
//
// # What is promised
//
//   - Acquire returns nil only once the cloud has shown that all objects of the
//     claim are this node's, or while the cloud can't be asked and all speaks for it
//     (Mover). It may be called again at any time, and asks nobody about what is held:
//     Watch looks.
//   - Before each write the Mover asks whether this node may still write in the
//     claim's term (Epoch). No attempt to write outlives maxWrite, so that what a
//     former holder has sent is over by then; a new holder looks again after it.
//   - Release takes away only what is this node's own.
//   - A claim that is held stays held while the cloud can't be asked: an outage of
//     its interfaces alone moves nothing.
//
// No SDK of a cloud is imported here.
package cloud
