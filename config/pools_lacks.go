// Copyright 2026 The vicar authors
// SPDX-License-Identifier: Apache-2.0

package config

// lacks notes what the pool's plane can't do, where it is asked for.
func (r *reader) lacks(p *poolBuild) {
	if len(p.Frontends) == 0 {
		return // said already
	}
	for _, l := range p.Plane.Lacks(p.Service) {
		in, at := r, p.settingAt(l.Setting)
		switch own, file := p.serverSetting(l.Setting, l.Server); {
		case own.present() && file != "":
			in, at = p.beyond, own
		case own.present():
			at = own
		case l.Setting == "listen" && l.Listen < len(p.listen):
			at = p.listen[l.Listen]
		}
		if !at.present() {
			at = p.key
		}
		message := l.Reason
		if l.Setting == "servers" && l.Server != "" {
			message = l.Server + ": " + message
		}
		in.bad(at, message, l.Remedy)
	}
}

// settingAt is where the pool itself has a setting.
func (p *poolBuild) settingAt(setting string) mark {
	return map[string]mark{
		"listen": p.raw.Listen.mark, "scheduler": p.raw.Scheduler.mark, "forward": p.raw.Forward.mark,
		"one_packet": p.raw.OnePacket.mark, "persistence": p.raw.Persistence.mark,
		"upper": p.raw.Upper.mark, "lower": p.raw.Lower.mark, "servers": p.raw.Servers.mark,
	}[setting]
}

// serverSetting is where a server has one of its own, and in which file if not in
// the configuration.
func (p *poolBuild) serverSetting(setting, server string) (mark, string) {
	if p.Sorry != nil && p.Sorry.Name == server {
		return map[string]mark{"forward": p.raw.Sorry.Forward.mark, "servers": p.raw.Sorry.Address.mark}[setting], ""
	}
	raw := p.raws[server]
	if raw == nil {
		return mark{}, ""
	}
	at := map[string]mark{
		"forward": raw.Forward.mark, "upper": raw.Upper.mark, "lower": raw.Lower.mark, "servers": raw.Address.mark,
	}[setting]
	if p.listed[server] {
		return at, ""
	}
	return at, p.ServersFile
}
