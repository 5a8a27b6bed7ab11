// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package ipvs

// IPVS's part of generic netlink (linux/ip_vs.h).
const (
	familyName     = "IPVS"
	genericVersion = 1
)

// Address families, as Linux numbers them.
const (
	family4 = 2
	family6 = 10
)

// The commands.
const (
	newService    = 1
	setService    = 2
	deleteService = 3
	getService    = 4
	newServer     = 5 // IPVS_CMD_NEW_DEST
	setServer     = 6
	deleteServer  = 7
	getServer     = 8
	newDaemon     = 9
	deleteDaemon  = 10
	getDaemon     = 11
	setConfig     = 12
	getConfig     = 13
)

// The attributes of a command.
const (
	attrService       = 1
	attrServer        = 2
	attrDaemon        = 3
	attrTimeoutTCP    = 4
	attrTimeoutTCPFin = 5
	attrTimeoutUDP    = 6
)

// The attributes of a service.
const (
	serviceFamily    = 1
	serviceProtocol  = 2
	serviceAddress   = 3
	servicePort      = 4
	serviceMark      = 5
	serviceScheduler = 6
	serviceFlags     = 7
	serviceTimeout   = 8
	serviceNetmask   = 9
	serviceEngine    = 11 // of persistence
)

// The flags of a service.
const (
	flagPersistent = 0x01
	flagOnePacket  = 0x04
	flagFallback   = 0x08 // the schedulers' first, of sh and mh
	flagPort       = 0x10 // the second
	flagThird      = 0x20 // nobody's
	flagsOurs      = flagPersistent | flagOnePacket | flagFallback | flagPort | flagThird
)

// The attributes of a destination.
const (
	serverAddress     = 1
	serverPort        = 2
	serverForward     = 3
	serverWeight      = 4
	serverUpper       = 5
	serverLower       = 6
	serverActive      = 7
	serverInactive    = 8
	serverStats       = 10
	serverFamily      = 11
	serverStats64     = 12
	serverTunnel      = 13 // Linux 5.2
	serverTunnelPort  = 14
	serverTunnelFlags = 15

	statsConnections = 1
)

// The ways of forwarding.
const (
	forwardMask   = 7
	forwardNAT    = 0
	forwardTunnel = 2
	forwardDirect = 3

	tunnelChecksum = 1
)

// The attributes of a daemon.
const (
	daemonState     = 1
	daemonInterface = 2
	daemonID        = 3
	daemonMaxLen    = 4
	daemonGroup     = 5
	daemonGroup6    = 6
	daemonPort      = 7
	daemonTTL       = 8

	stateMaster = 1
	stateBackup = 2
)

// The controller of generic netlink, which knows the families (linux/genetlink.h).
const (
	controller       = 0x10
	getFamily        = 3
	controllerFamily = 1 // the number
	controllerName   = 2
)
