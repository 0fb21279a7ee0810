/** Which addresses may be called: classes of IPv4 and IPv6, embedded ones looked through. */
import { BlockList, isIPv4, isIPv6 } from 'node:net'

/**
 * `public` may be called by everybody, `private` where the operator allows it (a website beside the
 * node), `forbidden` never: no website is there, but metadata services, groups and routers are.
 */
export type AddressClass = 'public' | 'private' | 'forbidden'

function listOf(...subnets: string[]): BlockList {
  const list = new BlockList()
  for (const subnet of subnets) {
    const [net = '', prefix = ''] = subnet.split('/')
    list.addSubnet(net, Number(prefix), isIPv6(net) ? 'ipv6' : 'ipv4')
  }
  return list
}

/** Of the IANA special-purpose registry (RFC 6890) what is not globally reachable, and metadata. */
const FORBIDDEN_4 = listOf(
  '0.0.0.0/8',
  // Metadata of cloud machines is at an address of the shared space, of link-local, and of 192.0.0.
  '100.100.100.200/32',
  '169.254.0.0/16',
  '192.0.0.0/24',
  '192.0.2.0/24',
  '192.31.196.0/24',
  '192.52.193.0/24',
  '192.88.99.0/24',
  '192.175.48.0/24',
  '198.18.0.0/15',
  '198.51.100.0/24',
  '203.0.113.0/24',
  '224.0.0.0/4',
  '240.0.0.0/4',
)
const PRIVATE_4 = listOf(
  '10.0.0.0/8',
  '100.64.0.0/10',
  '127.0.0.0/8',
  '172.16.0.0/12',
  '192.168.0.0/16',
)
const PRIVATE_6 = listOf('::1/128', 'fc00::/7')
const GLOBAL_6 = listOf('2000::/3')
const FORBIDDEN_6 = listOf(
  'fd00:ec2::/32',
  'fd20:ce::/32',
  '2001::/23',
  '2001:db8::/32',
  '2002::/16',
  '3fff::/20',
)
/** Prefixes in front of an IPv4 address: mapped (RFC 4291), and NAT64 (RFC 6052). */
const MAPPED = listOf('::ffff:0:0/96')
const NAT64 = listOf('64:ff9b::/96')

/** The last 32 bits of an IPv6 address as IPv4, in whichever spelling. */
function embedded(address: string): string {
  const dotted = /:(\d+\.\d+\.\d+\.\d+)$/.exec(address)?.[1]
  if (dotted !== undefined) return dotted
  // The parser of URLs writes every address in one way: groups without a dot.
  const text = new URL(`http://[${address}]/`).hostname.slice(1, -1)
  const [left = '', right = ''] = text.split('::')
  const tail = (text.includes('::') ? right : left).split(':').slice(-2)
  const groups = tail.map((group) => (group === '' ? 0 : Number.parseInt(group, 16)))
  const low = groups.at(-1) ?? 0
  const high = groups.at(-2) ?? 0
  return [high >> 8, high & 255, low >> 8, low & 255].join('.')
}

function classOf4(address: string): AddressClass {
  if (FORBIDDEN_4.check(address)) return 'forbidden'
  return PRIVATE_4.check(address) ? 'private' : 'public'
}

/** The class of an address; `forbidden` for what is none. */
export function classOfAddress(address: string): AddressClass {
  if (isIPv4(address)) return classOf4(address)
  // A zone names an interface of this machine.
  if (!isIPv6(address) || address.includes('%')) return 'forbidden'
  if (MAPPED.check(address, 'ipv6') || NAT64.check(address, 'ipv6'))
    return classOf4(embedded(address))
  if (FORBIDDEN_6.check(address, 'ipv6')) return 'forbidden'
  if (PRIVATE_6.check(address, 'ipv6')) return 'private'
  return GLOBAL_6.check(address, 'ipv6') ? 'public' : 'forbidden'
}
