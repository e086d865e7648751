import { describe, expect, it } from '@jest/globals'
import type { IncomingMessage } from 'node:http'
import { isNetwork, TrustedProxies } from './trusted-proxies.js'

const from = (remoteAddress: string | undefined) =>
  ({ socket: { remoteAddress }, headers: {} }) as unknown as IncomingMessage

describe('trusted proxies', () => {
  const proxies = new TrustedProxies(['192.0.2.7', '10.0.0.0/8', '2001:db8::/32'])
  it.each([
    ['192.0.2.7', true],
    ['::ffff:192.0.2.7', true],
    ['10.200.3.4', true],
    ['2001:db8:1::5', true],
    ['192.0.2.8', false],
    ['11.0.0.1', false],
    ['2001:db9::1', false],
    [undefined, false],
  ])('%s: %s', (address, trusted) => expect(proxies.isTrusted(from(address))).toBe(trusted))

  it('trusts nobody where none is named', () => expect(new TrustedProxies([]).isTrusted(from('127.0.0.1'))).toBe(false))

  it.each([
    ['10.0.0.0/8', true],
    ['::1', true],
    ['10.0.0.0/33', false],
    ['10.0.0.0/8/8', false],
    ['proxy.example', false],
    ['', false],
  ])('%s is a network: %s', (text, is) => expect(isNetwork(text)).toBe(is))
})
