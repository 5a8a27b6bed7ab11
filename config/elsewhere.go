// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package config

import (
	"regexp"
	"slices"
	"strings"

	"github.com/vicar-ha/vicar/pool"
	"github.com/vicar-ha/vicar/vip"
)

// migrating says where all that keepalived has is told of.
const migrating = "docs/migrating.md tells what is called what"

// keepalivedBlock is a line that begins a block in a configuration of keepalived's.
var keepalivedBlock = regexp.MustCompile(`^(global_defs|vrrp_\w+|virtual_server\w*|static_\w+|linkbeat\w*|garp_group|bfd_instance|track_group|net_namespace)\b[^:]*(\{.*)?$`)

// ours notes an error if the file is one of keepalived's, which as YAML is anything but
// wrong in a way that helps.
func (r *reader) ours() bool {
	for i, line := range r.lines {
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' || line[0] == '!' || strings.HasPrefix(line, "include ") {
			continue
		}
		if keepalivedBlock.MatchString(line) {
			r.bad(mark{line: i + 1, column: 1}, "this is a configuration of keepalived's", migrating)
			return false
		}
		break
	}
	return true
}

// elsewhere translates what others, keepalived above all, call one of our words.
func elsewhere(word string, ours []string) string {
	word = strings.ToLower(word)
	for _, translate := range []func(string) string{
		elsewhereRouter, elsewhereGuard, elsewhereCloud, elsewhereCheck, elsewhereHook, elsewherePool, elsewhereServer,
	} {
		if one := translate(word); slices.Contains(ours, one) {
			return one
		}
	}
	return ""
}

func elsewhereRouter(word string) string {
	switch word {
	case "virtual_router_id", "virtual_router", "router_id", "vr_id":
		return "vrid"
	case "virtual_ipaddress", "virtual_address", "vip", "vips", "ip", "ips", "virtual_ips":
		return "addresses"
	case "virtual_ipaddress_excluded":
		return "exclude"
	case "advert_int":
		return "advert_interval"
	case "nopreempt", "preempt_delay":
		return "preempt"
	case "vrrp_version":
		return "version"
	case "authentication", "auth_pass", "auth_type":
		return "auth"
	case "iface", "dev", "nic":
		return "interface"
	case "unicast_peer", "peers", "hosts", "members":
		return "nodes"
	case "vrrp_instance", "instances", "virtual_routers", "group":
		return "routers"
	case "garp":
		return "announce"
	case "pseudo", "pseudo_header", "pseudo-header", "rfc5798":
		return checksumKeepalived
	case "vrrp_sync_group", "groups":
		return "sync_groups"
	case "track_script", "track_interface", "track_file", "track_process", "track_bfd", "tracks", "checks":
		return "track"
	case "vrrp_startup_delay", "startup_delay":
		return "listen"
	}
	return ""
}

func elsewhereGuard(word string) string {
	switch word {
	case "memberlist", "cluster_link":
		return "peer_link"
	case "keys", "keyring", "key_file", "encrypt", "secret":
		return "keys_file"
	case "key_arn", "keys_arn", "secret_arn", "key_from", "parameter", "ssm_parameter":
		return "keys_from"
	case "kms", "kms_key", "kms_key_id", "kms_key_arn", "key_kms":
		return "keys_kms"
	case "lease", "lease_time", "lease_duration", "lease_ttl":
		return "max_lease"
	case "stonith", "fencing":
		return "fence"
	case "no_quorum_policy", "no-quorum-policy", "on_quorum_loss":
		return "on_loss"
	case "majority", "raft":
		return string(GuardQuorum)
	case "stop", "give_up", "demote":
		return string(OnLossRelease)
	case "keep":
		return string(OnLossHold)
	case "arbiter", "arbitrator", "tiebreaker", "voter":
		return "witness"
	}
	return ""
}

func elsewhereCloud(word string) string {
	switch word {
	case "mover", "movers", "move_by":
		return "move"
	case "netlink", "lan", "linux":
		return string(MoveKernel)
	case "route", "routes", "aws-vpc-move-ip", "overlay":
		return string(MoveAWSRoute)
	case "secondary-ip", "secondary_ip", "awsvip", "private-ip":
		return string(MoveAWSSecondaryIP)
	case "eip", "elastic-ip", "elastic_ip", "awseip":
		return string(MoveAWSEIP)
	case "amazon", "ec2":
		return "aws"
	case "endpoint", "endpoint_url", "ec2_endpoint":
		return "endpoints"
	case "http_proxy", "https_proxy":
		return "proxy"
	case "role_arn", "assume_role", "routing_table_role":
		return "role"
	case "routing_table", "routing_tables", "route_table":
		return "route_tables"
	case "account_id":
		return "account"
	case "enis", "eni", "network_interfaces":
		return "interfaces"
	case "eips", "elastic_ips", "allocation_ids", "allocation_id":
		return "allocations"
	case "dynamodb", "dynamodb_table", "lease_table":
		return "table"
	}
	return ""
}

func elsewhereCheck(word string) string {
	switch word {
	case "vrrp_script", "vrrp_track_process", "vrrp_track_file":
		return "checks"
	case "script", "misc_check", "misc_path", "command_line":
		return "exec"
	case "ping", "ping_check":
		return "icmp"
	case "tcp_check":
		return "tcp"
	case "udp_check":
		return "udp"
	case "http_get", "ssl_get", "https":
		return "http"
	case "dns_check":
		return "dns"
	case "smtp_check":
		return "smtp"
	case "file_check":
		return "file"
	case "ssl":
		return "tls"
	case "init_fail":
		return "initial"
	case "retry":
		return "fall"
	case "delay_loop", "every", "period":
		return "interval"
	case "warmup":
		return "jitter"
	case "bindto", "source", "bind":
		return "from"
	case "bind_if":
		return "interface"
	case "fwmark":
		return "mark"
	case "status_code", "codes":
		return "status"
	case "helo_name", "helo", "ehlo":
		return "hello"
	case "payload", "request":
		return "send"
	case "pattern", "regex", "regexp", "match", "response":
		return "expect"
	case "quorum":
		return "min"
	case "quorum_max":
		return "max"
	case "param_match", "full_command", "cmdline":
		return "command"
	case "sni":
		return "server_name"
	case "cert":
		return "certificate"
	}
	return ""
}

func elsewhereHook(word string) string {
	switch word {
	case "notify", "notify_script":
		return "hooks"
	case "master":
		return "active"
	case "slave", "standby":
		return "backup"
	case "failed":
		return "fault"
	case "stopped":
		return "stop"
	case "url", "http":
		return "webhook"
	case "command", "run":
		return "exec"
	case "notify_master", "notify_backup", "notify_fault", "notify_stop", "events", "event":
		return "on"
	case "notify_up", "up", "rs_up":
		return string(vip.ServerUp)
	case "notify_down", "down", "rs_down":
		return string(vip.ServerDown)
	}
	return ""
}

func elsewherePool(word string) string {
	switch word {
	case "virtual_server", "virtual_servers", "virtual_server_group", "services", "balance", "backends":
		return "pools"
	case "lvs_sync_daemon", "lvs_timeouts", "lvs", "ip_vs":
		return "ipvs"
	case "addresses", "address", "vips", "ip", "bind", "frontends":
		return "listen"
	case "lb_algo", "lvs_sched", "algorithm", "balancing":
		return "scheduler"
	case "lb_kind", "lvs_method", "forwarding":
		return "forward"
	case "persistence_timeout", "persistent", "sticky":
		return "persistence"
	case "sorry_server", "fallback", "backup":
		return "sorry"
	case "nft", "nf_tables", "netfilter":
		return string(pool.NFTables)
	case "router", "track_router", "bind_to":
		return "with"
	case "ops", "one-packet":
		return "one_packet"
	case "omega":
		return "tell_at_stop"
	case "lvs_flush_on_stop", "on_stop":
		return "at_stop"
	case "dynamic_checks", "check", "healthcheck", "health_checks":
		return "checks"
	case "lvs_interface":
		return "interface"
	case "syncid":
		return "id"
	case "tcpfin", "tcp_fin_timeout":
		return "tcp_fin"
	}
	return ""
}

func elsewhereServer(word string) string {
	switch word {
	case "real_server", "real_servers", "backends", "members", "hosts", "targets", "upstreams":
		return "servers"
	case "inhibit_on_failure":
		return "inhibit"
	case "uthreshold", "maxconn", "max_connections":
		return "upper"
	case "lthreshold":
		return "lower"
	case "warmup", "ramp", "slowstart":
		return "slow_start"
	case "ip", "host", "addr":
		return "address"
	case "dr", "gateway", "gatewaying", "dsr":
		return pool.Direct.String()
	case "masq", "masquerading":
		return pool.NAT.String()
	case "tun", "ipip":
		return pool.Encap.String()
	case "sh-fallback", "mh-fallback":
		return flagFallback
	case "sh-port", "mh-port":
		return flagPort
	case "roundrobin", "round_robin", "round-robin":
		return string(pool.RR)
	case "leastconn", "least_conn":
		return string(pool.LC)
	case "lblcr":
		return string(pool.LBLC)
	case "maglev", "consistent":
		return string(pool.MH)
	case "source", "ip_hash":
		return string(pool.SH)
	case "misc_dynamic":
		return "dynamic"
	case "persistence_granularity", "granularity":
		return "ipv4"
	}
	return ""
}
