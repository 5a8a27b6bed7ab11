#!/bin/sh
# Copyright 2026 The vicar authors
# SPDX-License-Identifier: Apache-2.0
#
# A program that moves addresses in a "cloud" made of a directory, to show the
# contract: a file per address, with the holder's name in it. It reads JSON with sed,
# which a real one should not. Files in the directory trouble make it fail, for the
# tests.
#
#   mover.sh DIRECTORY
set -u
cloud=$1
umask 022
read -r request

text() { printf '%s' "$request" | sed -n "s/.*\"$1\":\"\([^\"]*\)\".*/\1/p"; }
action=$(text action)
node=$(text node)
addresses=$(printf '%s' "$request" | sed -n 's/.*"addresses":\[\([^]]*\)\].*/\1/p' | tr -d '"' | tr ',' ' ')
case $request in *'"steal":true'*) steal=yes ;; *) steal= ;; esac

fail() { printf '{"error":{"kind":"%s","message":"%s"}}\n' "$1" "$2"; exit 0; }
holder() { cat "$cloud/$1" 2>/dev/null; }
# count down a number in a file; true as long as there was something to count
count() {
	n=$(cat "$cloud/trouble/$1" 2>/dev/null) || return 1
	[ "$n" -gt 0 ] && echo $((n - 1)) >"$cloud/trouble/$1"
}
give() { # address, node: in one step, so that nobody reads half a name
	echo "$2" >"$cloud/.$1.$$" && mv "$cloud/.$1.$$" "$cloud/$1"
	[ -e "$cloud/trouble/lag" ] && later lag "$2" "$cloud/trouble/shown-$1"
}
later() { # how much, node, file: on its way, whoever waits for it
	# What this program has started ends with it, but not what has a session of its own:
	# it goes on when that is made.
	: "$(setsid sh -c '{ sleep "$1"; echo "$2" >"$3"; } >/dev/null 2>&1 &' later "$(cat "$cloud/trouble/$1")" "$2" "$3")"
}
shown() { cat "$cloud/trouble/shown-$1" 2>/dev/null || holder "$1"; }

[ -e "$cloud/trouble/slow" ] && sleep "$(cat "$cloud/trouble/slow")"
[ -e "$cloud/trouble/down" ] && { echo "cannot reach the cloud" >&2; exit 1; }
[ -e "$cloud/trouble/denied" ] && fail denied "you may not"
count throttle && fail throttled "too many requests"

case $action in
observe)
	list=
	for a in $addresses; do
		h=$(shown "$a")
		[ "$h" = "$node" ] && mine=true || mine=false
		list="$list${list:+,}{\"address\":\"$a\",\"mine\":$mine,\"holder\":\"$h\"}"
	done
	printf '{"objects":[%s]}\n' "$list"
	;;
take)
	done= error=
	for a in $addresses; do
		h=$(holder "$a")
		if [ -e "$cloud/trouble/late-$node" ]; then
			later "late-$node" "$node" "$cloud/$a"
		elif count "refuse-$a"; then
			error="\"error\":{\"kind\":\"unavailable\",\"message\":\"$a does not move\"}"
			continue
		elif [ -n "$h" ] && [ "$h" != "$node" ] && [ -z "$steal" ]; then
			error="\"error\":{\"kind\":\"conflict\",\"message\":\"$a is $h's\"}"
			continue
		else
			give "$a" "$node"
		fi
		echo "$a" >>"$cloud/trouble/writes-$node"
		done="$done${done:+,}\"$a\""
	done
	[ -e "$cloud/trouble/late-$node" ] && sleep "$(cat "$cloud/trouble/late-$node")"
	count lose && sleep 60
	printf '{"done":[%s]%s}\n' "$done" "${error:+,$error}"
	;;
yield)
	done=
	for a in $addresses; do
		if [ "$(holder "$a")" = "$node" ]; then
			rm -f "$cloud/$a"
			echo "$a" >>"$cloud/trouble/writes-$node"
		fi
		done="$done${done:+,}\"$a\""
	done
	printf '{"done":[%s]}\n' "$done"
	;;
examine)
	if [ -w "$cloud" ]; then
		printf '{"findings":[{"what":"the directory","ok":true}]}\n'
	else
		printf '{"findings":[{"what":"the directory","ok":false,"problem":"it can not be written","remedy":"chmod it"}]}\n'
	fi
	;;
*) fail invalid "unknown action" ;;
esac
