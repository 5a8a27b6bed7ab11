# Copyright 2026 The vicar authors
# SPDX-License-Identifier: Apache-2.0

variable "name" {
  description = "The cluster's name, and the beginning of what everything here is called."
  type        = string
  validation {
    condition     = can(regex("^[A-Za-z][A-Za-z0-9-]{0,31}$", var.name))
    error_message = "The name has letters, digits and -, begins with a letter, and has 32 characters at most."
  }
}

variable "region" {
  description = "The region, as in eu-central-1."
  type        = string
  validation {
    condition     = can(regex("^[a-z]{2}(-[a-z]+)+-[0-9]+$", var.region))
    error_message = "A region is written as in eu-central-1."
  }
}

variable "account_id" {
  description = "The account's number, for the ARNs of the policy. Without it they have an asterisk there, which for a role's own policy means the same."
  type        = string
  default     = null
  validation {
    condition     = var.account_id == null ? true : can(regex("^[0-9]{12}$", var.account_id))
    error_message = "An account's number has 12 digits."
  }
}

variable "vpc" {
  description = "The VPC and all its CIDR blocks, of both families."
  type = object({
    id          = string
    cidr_blocks = list(string)
  })
  validation {
    condition     = length(var.vpc.cidr_blocks) > 0 && alltrue([for c in var.vpc.cidr_blocks : can(cidrhost(c, 0))])
    error_message = "cidr_blocks are the VPC's, as in 192.0.2.0/24."
  }
}

variable "subnets" {
  description = "The subnets of the nodes, by a name of yours. cidr_block is the IPv4 one."
  type = map(object({
    id                = string
    cidr_block        = string
    availability_zone = string
  }))
  validation {
    condition     = length(var.subnets) > 0 && alltrue([for s in var.subnets : can(cidrhost(s.cidr_block, 0))])
    error_message = "A subnet's cidr_block is as in 192.0.2.0/25."
  }
  validation {
    condition     = alltrue([for s in var.subnets : startswith(s.availability_zone, var.region)])
    error_message = "A subnet's availability_zone is one of the region, as in eu-central-1a."
  }
}

variable "nodes" {
  description = "The nodes by name: two or three that can hold the addresses, and one more that only votes (witness) beside two. subnet is one of subnets, address the slot's fixed private address in it. public gives the node an Elastic IP of its own, which does not move: in a subnet with an internet gateway it has no other public address, and no way out. Without priorities the first by name is preferred."
  type = map(object({
    subnet        = string
    address       = string
    ipv6_address  = optional(string)
    priority      = optional(number)
    witness       = optional(bool, false)
    public        = optional(bool, false)
    instance_type = optional(string)
    ami_id        = optional(string)
  }))
  validation {
    condition     = contains([2, 3], length([for n in var.nodes : n if !n.witness])) && length(var.nodes) <= 3
    error_message = "There are two or three nodes, or two and a witness."
  }
  validation {
    condition     = alltrue([for name in keys(var.nodes) : can(regex("^[A-Za-z0-9][A-Za-z0-9-]{0,31}$", name))])
    error_message = "A node's name has letters, digits and -, 32 at most."
  }
  validation {
    condition     = alltrue([for n in var.nodes : contains(keys(var.subnets), n.subnet)])
    error_message = "A node's subnet is one of subnets."
  }
  validation {
    condition = alltrue([for n in var.nodes : try(
      cidrhost("${n.address}/${split("/", var.subnets[n.subnet].cidr_block)[1]}", 0) == cidrhost(var.subnets[n.subnet].cidr_block, 0), false
    )])
    error_message = "A node's address is in its subnet's cidr_block."
  }
  validation {
    condition     = length(distinct([for n in var.nodes : n.address])) == length(var.nodes)
    error_message = "Two nodes can't have the same address."
  }
  validation {
    condition     = alltrue([for n in var.nodes : n.priority == null ? true : n.priority >= 1 && n.priority <= 254 && !n.witness])
    error_message = "A priority is 1 to 254, and a witness has none."
  }
  validation {
    condition = (
      length(distinct([for n in var.nodes : n.priority == null])) == 1 || length([for n in var.nodes : n if n.witness]) > 0
      && length(distinct([for n in var.nodes : n.priority == null if !n.witness])) == 1
    )
    error_message = "All nodes have a priority, or none has."
  }
  validation {
    condition     = length(distinct([for n in var.nodes : n.priority if n.priority != null])) == length([for n in var.nodes : n if n.priority != null])
    error_message = "Each node has a priority of its own: among equals it is not you who chooses."
  }
}

variable "routers" {
  description = "The addresses that move, by a name of yours. move says how: secondary-ip (nodes in one subnet; addresses of that subnet, with elastic_ip an Elastic IP for each), route (nodes in any zones; addresses outside the VPC; destinations are further ones that go along, as 0.0.0.0/0 of private subnets, in tables by a name of yours), or eip (no addresses: an Elastic IP is made). preempt is \"true\", \"false\" or a duration."
  type = map(object({
    vrid            = number
    move            = string
    addresses       = optional(list(string), [])
    elastic_ip      = optional(bool, false)
    advert_interval = optional(string, "500ms")
    preempt         = optional(string)
    listen          = optional(string)
    on_loss         = optional(string)
    track           = optional(list(string))
    destinations = optional(list(object({
      to              = string
      route_table_ids = map(string)
    })), [])
    damping = optional(object({
      moves  = optional(number)
      within = optional(string)
      hold   = optional(string)
    }))
  }))
  validation {
    condition     = length(var.routers) > 0 && alltrue([for r in var.routers : contains(["secondary-ip", "route", "eip"], r.move)])
    error_message = "There is at least one router, and move is secondary-ip, route or eip."
  }
  validation {
    condition     = alltrue([for r in var.routers : (r.move == "eip") == (length(r.addresses) == 0)])
    error_message = "A router has addresses, and none with move = \"eip\": its Elastic IP is made here."
  }
  validation {
    condition     = length([for r in var.routers : r if r.move == "eip"]) <= 1
    error_message = "An interface's primary address has one Elastic IP: one router moves by eip."
  }
  validation {
    condition     = alltrue([for r in var.routers : r.move != "eip" || length([for n in var.nodes : n if n.public && !n.witness]) == 0])
    error_message = "What moves by eip takes the place of a node's own public address: no public nodes with it."
  }
  validation {
    condition     = alltrue(flatten([for r in var.routers : [for a in r.addresses : can(cidrhost(a, 0))]]))
    error_message = "Addresses have a prefix length: the subnet's, and /32 or /128 with move = \"route\"."
  }
  validation {
    condition     = alltrue(flatten([for r in var.routers : [for a in r.addresses : contains(["32", "128"], split("/", a)[1])] if r.move == "route"]))
    error_message = "An address that moves by route is a /32 or a /128."
  }
  validation {
    condition = alltrue(flatten([for r in var.routers : [for a in r.addresses : [for c in var.vpc.cidr_blocks :
      strcontains(a, ":") != strcontains(c, ":") ? true : try(cidrhost("${split("/", a)[0]}/${split("/", c)[1]}", 0) != cidrhost(c, 0), false)
    ]] if r.move == "route"]))
    error_message = "An address that moves by route lies outside all CIDR blocks of the VPC: inside, the VPC's own route is more specific."
  }
  validation {
    condition     = alltrue([for r in var.routers : r.move != "route" || length(var.route_table_ids) > 0])
    error_message = "Moving by route takes route_table_ids."
  }
  validation {
    condition     = alltrue([for r in var.routers : r.move != "secondary-ip" || length(distinct([for n in var.nodes : n.subnet if !n.witness])) == 1])
    error_message = "Moving by secondary-ip takes nodes in one subnet; over several, move by route."
  }
  validation {
    condition = alltrue(flatten([for r in var.routers : [for a in r.addresses : [for n in var.nodes :
      n.witness ? true : try(cidrhost("${split("/", a)[0]}/${split("/", var.subnets[n.subnet].cidr_block)[1]}", 0) == cidrhost(var.subnets[n.subnet].cidr_block, 0), false)
    ]] if r.move == "secondary-ip"]))
    error_message = "An address that moves by secondary-ip is in the nodes' subnet, and IPv4."
  }
  validation {
    condition     = alltrue([for r in var.routers : !r.elastic_ip || r.move == "secondary-ip"])
    error_message = "elastic_ip goes with move = \"secondary-ip\"; alone it is move = \"eip\"."
  }
  validation {
    condition     = alltrue([for r in var.routers : length(r.destinations) == 0 || r.move == "route"])
    error_message = "destinations go with move = \"route\"."
  }
  validation {
    condition     = alltrue([for r in var.routers : can(regex("^[0-9.]+(ms|s)$", r.advert_interval))])
    error_message = "advert_interval is as in 500ms or 1s."
  }
  validation {
    condition     = alltrue(flatten([for r in var.routers : [for c in coalesce(r.track, []) : contains(keys(var.checks), c)]]))
    error_message = "What a router tracks is one of checks."
  }
  validation {
    condition     = alltrue([for r in var.routers : r.vrid >= 1 && r.vrid <= 255])
    error_message = "A VRID is 1 to 255."
  }
}

variable "route_table_ids" {
  description = "The tables of every subnet that is to reach the addresses that move by route, the nodes' own among them, by a name of yours."
  type        = map(string)
  default     = {}
  validation {
    condition     = length(distinct(values(var.route_table_ids))) == length(var.route_table_ids)
    error_message = "A route table is named twice."
  }
}

variable "guard" {
  description = "Never two holders. It takes three nodes (a witness counts), or two and lease_table."
  type        = bool
  default     = true
  validation {
    condition     = !var.guard || length(var.nodes) == 3 || var.lease_table != null
    error_message = "The guard takes three nodes (a witness counts), or two and lease_table."
  }
}

variable "lease_table" {
  description = "A DynamoDB table that votes in place of a third machine, made here unless create is false."
  type = object({
    create              = optional(bool, true)
    name                = optional(string)
    deletion_protection = optional(bool, true)
  })
  default = null
  validation {
    condition     = var.lease_table == null ? true : var.lease_table.create || var.lease_table.name != null
    error_message = "A table that is not made here has a name."
  }
  validation {
    condition     = var.lease_table == null ? true : length(var.nodes) == 2
    error_message = "A table votes beside two nodes: three have a majority without it."
  }
}

variable "peer_key" {
  description = "Where the nodes' common key is: the ARN of an SSM parameter (SecureString) or of a Secrets Manager secret with what `vicar keygen` prints, and of the customer key that encrypts it. The key itself never comes here, so it is not in the state."
  type = object({
    arn         = string
    kms_key_arn = optional(string)
  })
  validation {
    condition     = can(regex("^arn:[a-z-]+:(ssm:[a-z0-9-]+:[0-9]{12}:parameter/.+|secretsmanager:[a-z0-9-]+:[0-9]{12}:secret:.+)$", var.peer_key.arn))
    error_message = "peer_key.arn is arn:aws:ssm:REGION:ACCOUNT:parameter/NAME or arn:aws:secretsmanager:REGION:ACCOUNT:secret:NAME."
  }
  validation {
    condition     = var.peer_key.kms_key_arn == null ? true : can(regex("^arn:[a-z-]+:kms:[a-z0-9-]+:[0-9]{12}:key/.+$", var.peer_key.kms_key_arn))
    error_message = "peer_key.kms_key_arn is a key's ARN, arn:aws:kms:REGION:ACCOUNT:key/ID."
  }
}

variable "peer_port" {
  description = "The peer link's port, UDP and TCP, between the nodes."
  type        = number
  default     = 7946
  validation {
    condition     = var.peer_port >= 1 && var.peer_port <= 65535
    error_message = "A port is 1 to 65535."
  }
}

variable "ami_id" {
  description = "The nodes' image: Debian, Ubuntu, or one of the RPM family, with systemd."
  type        = string
  validation {
    condition     = startswith(var.ami_id, "ami-")
    error_message = "An image is ami-..."
  }
}

variable "instance_type" {
  description = "The nodes' type. It sets how many addresses an interface has room for."
  type        = string
  default     = "t4g.small"
}

variable "witness_instance_type" {
  description = "The witness's type: it needs some 25 MB of memory."
  type        = string
  default     = "t4g.nano"
}

variable "auto_scaling" {
  description = "Whether each node is a group of one instance, which AWS replaces when it fails; else a plain instance."
  type        = bool
  default     = true
}

variable "wait_for_capacity_timeout" {
  description = "How long an apply waits until a group's instance is in service; \"0\" not at all."
  type        = string
  default     = "10m"
}

variable "package" {
  description = "Where the vicar package (.deb or .rpm) is fetched, by https, and its SHA-256. Null: it is in the image."
  type = object({
    url    = string
    sha256 = string
  })
  default = null
  validation {
    condition     = var.package == null ? true : can(regex("^https://[^' ]+\\.(deb|rpm)$", var.package.url))
    error_message = "package.url begins with https:// and ends in .deb or .rpm."
  }
  validation {
    condition     = var.package == null ? true : can(regex("^[0-9a-f]{64}$", var.package.sha256))
    error_message = "package.sha256 has 64 hexadecimal digits."
  }
}

variable "setup_script" {
  description = "A script that the nodes run before vicar starts, with its first line (#!): it installs the service. Not on a witness. It may run again."
  type        = string
  default     = ""
  validation {
    condition     = var.setup_script == "" || startswith(var.setup_script, "#!")
    error_message = "A script begins with #! and its interpreter."
  }
}

variable "checks" {
  description = "What moves the election, by name, with the keys of vicar.yaml: {haproxy = {http = \"http://127.0.0.1/healthz\", interval = \"1s\", weight = -60}}."
  type        = any
  default     = {}
}

variable "hooks" {
  description = "Who is told of a change, with the keys of vicar.yaml."
  type        = any
  default     = []
}

variable "sync_groups" {
  description = "Routers that move together, by the group's name."
  type = map(object({
    routers = list(string)
    track   = optional(list(string))
  }))
  default = {}
}

variable "control" {
  description = "Where the agents can be talked to: http is an address and port for status and metrics."
  type = object({
    http = optional(string)
  })
  default = null
}

variable "ingress" {
  description = "The clients' way in, by a name of yours: a protocol, ports, and one source (a CIDR block or a security group). protocol \"-1\" is everything."
  type = map(object({
    protocol          = optional(string, "tcp")
    from_port         = optional(number)
    to_port           = optional(number)
    cidr_ipv4         = optional(string)
    cidr_ipv6         = optional(string)
    security_group_id = optional(string)
    description       = optional(string)
  }))
  default = {}
  validation {
    condition     = alltrue([for r in var.ingress : length(compact([r.cidr_ipv4, r.cidr_ipv6, r.security_group_id])) == 1])
    error_message = "A rule of ingress has one source: cidr_ipv4, cidr_ipv6 or security_group_id."
  }
  validation {
    condition     = alltrue([for r in var.ingress : r.protocol == "-1" || r.from_port != null])
    error_message = "A rule of ingress has a port."
  }
}

variable "security_group_ids" {
  description = "More security groups of the nodes."
  type        = list(string)
  default     = []
}

variable "endpoints" {
  description = "VPC endpoints to make for subnets without another way to AWS: interfaces as [\"ec2\", \"ssm\"] (ec2 always; ssm or secretsmanager for the peer key, which they decrypt themselves), gateways as [\"dynamodb\", \"s3\"] (dynamodb for lease_table), which take route_table_ids of the nodes' subnets."
  type = object({
    interfaces      = optional(list(string), [])
    gateways        = optional(list(string), [])
    route_table_ids = optional(list(string), [])
  })
  default = {}
  validation {
    condition     = alltrue([for s in var.endpoints.gateways : contains(["dynamodb", "s3"], s)])
    error_message = "Gateway endpoints are of dynamodb and s3."
  }
  validation {
    condition     = length(var.endpoints.gateways) == 0 || length(var.endpoints.route_table_ids) > 0
    error_message = "Gateway endpoints take endpoints.route_table_ids, of the nodes' subnets."
  }
}

variable "metadata_hop_limit" {
  description = "How many hops an answer of the metadata service may take: 1, or 2 for vicar in a container."
  type        = number
  default     = 1
  validation {
    condition     = var.metadata_hop_limit >= 1 && var.metadata_hop_limit <= 2
    error_message = "metadata_hop_limit is 1 or 2."
  }
}

variable "root_device_name" {
  description = "The image's root device, which is encrypted (with auto_scaling): /dev/sda1 in Ubuntu's and Red Hat's images."
  type        = string
  default     = "/dev/xvda"
}

variable "key_name" {
  description = "An EC2 key pair for SSH, or null."
  type        = string
  default     = null
}

variable "managed_policy_arns" {
  description = "More policies of the nodes' roles, by a name of yours, as AmazonSSMManagedInstanceCore for shells without SSH."
  type        = map(string)
  default     = {}
}

variable "permissions_boundary" {
  description = "The ARN of the roles' permissions boundary, or null."
  type        = string
  default     = null
}

variable "tags" {
  description = "Tags of everything that is made here."
  type        = map(string)
  default     = {}
}
