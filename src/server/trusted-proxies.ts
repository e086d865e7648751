import { BlockList, isIP } from 'node:net'
import type { FastifyRequest } from 'fastify'

type Peer = Pick<FastifyRequest['raw'], 'socket' | 'headers'>

/** Whose word about a client is taken: addresses and networks that the operator named, and nobody else. */
export class TrustedProxies {
  private readonly list = new BlockList()
  /** Nobody is trusted. */
  readonly isEmpty: boolean

  /** @param networks addresses or CIDR networks, checked by `isNetwork`. */
  constructor(networks: readonly string[]) {
    this.isEmpty = networks.length === 0
    for (const network of networks) {
      const [address = '', bits] = network.split('/')
      const family = isIP(address) === 6 ? 'ipv6' : 'ipv4'
      if (bits === undefined) this.list.addAddress(address, family)
      else this.list.addSubnet(address, Number(bits), family)
    }
  }

  isTrusted({ socket }: Peer): boolean {
    if (this.isEmpty) return false
    const address = socket.remoteAddress ?? ''
    // IPv4 over a socket of both kinds.
    const plain = address.startsWith('::ffff:') ? address.slice(7) : address
    const family = isIP(plain)
    return family !== 0 && this.list.check(plain, family === 6 ? 'ipv6' : 'ipv4')
  }
}

/** `192.0.2.7`, `10.0.0.0/8`, `2001:db8::/32`. */
export function isNetwork(text: string): boolean {
  const [address = '', bits, ...more] = text.split('/')
  const family = isIP(address)
  if (family === 0 || more.length > 0) return false
  return bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) <= (family === 6 ? 128 : 32))
}
