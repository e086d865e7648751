import { describe, expect, it } from '@jest/globals'
import { isCoreDumpOff, requireNoNetwork, type ProcessView } from './sandbox-check.js'

const heading = 'Iface\tDestination\tGateway \tFlags\n'
const missing = (): never => {
  throw Object.assign(new Error('missing'), { code: 'ENOENT', syscall: 'open' })
}
const view = (ipv4: string, ipv6: string | null, limits = ''): ProcessView => ({
  read: (path) => {
    if (path.endsWith('/route')) return ipv4
    if (path.endsWith('/limits')) return limits
    return ipv6 ?? missing()
  },
})
const refused = (why: string): Error =>
  expect.objectContaining({ code: 'SANDBOX_UNAVAILABLE', detail: { why } }) as unknown as Error

describe('sandbox check', () => {
  it.each([
    ['no routes at all', heading, ''],
    [
      'routes by lo',
      `${heading}lo\t0000007F\n`,
      '00000000000000000000000000000001 80 0 00 0 100 1 0 80200001       lo\n',
    ],
    ['a kernel without IPv6', heading, null],
  ])('passes with %s', (_, ipv4, ipv6) => {
    expect(() => requireNoNetwork(view(ipv4, ipv6))).not.toThrow()
  })

  it.each([
    ['an IPv4 route', `${heading}eth0\t00000000\t0101A8C0\n`, ''],
    ['an IPv6 route', heading, 'fe80 40 0 00 0 100 1 0 1     lo\n2001 0 0 0 0 400 1 0 3     eth0\n'],
  ])('refuses with %s out', (_, ipv4, ipv6) => {
    expect(() => requireNoNetwork(view(ipv4, ipv6))).toThrow(
      refused('there is a route by eth0; start the signer in its sandbox'),
    )
  })

  it('refuses when it cannot see', () => {
    expect(() => requireNoNetwork({ read: missing })).toThrow(refused('/proc/self/net/route cannot be read'))
  })

  it('tells whether core dumps are off', () => {
    const limits = (soft: string): string =>
      `Limit     Soft Limit  Hard Limit\nMax core file size        ${soft}     unlimited   bytes\n`
    expect(isCoreDumpOff(view('', '', limits('0')))).toBe(true)
    expect(isCoreDumpOff(view('', '', limits('unlimited')))).toBe(false)
  })
})
