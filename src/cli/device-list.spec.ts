import { generateKeyPairSync } from 'node:crypto'
import { describe, expect, it } from '@jest/globals'
import { readDeviceList } from './device-list.js'

const keyPair = (kind: 'ed25519' | 'ec') =>
  kind === 'ec' ? generateKeyPairSync('ec', { namedCurve: 'P-256' }) : generateKeyPairSync('ed25519')
const spki = (kind: 'ed25519' | 'ec' = 'ed25519'): string =>
  keyPair(kind).publicKey.export({ format: 'der', type: 'spki' }).toString('base64')
const raw = (): string =>
  Buffer.from(keyPair('ed25519').publicKey.export({ format: 'jwk' }).x ?? '', 'base64url').toString('hex')

describe('a list of devices', () => {
  it('has a key, a class and attributes a line, in any order of columns', () => {
    const text = `\uFEFFclass,key,site,note\r\ngateway-r2,${spki()},berlin,"a, ""b"""\r\n\r\ngateway-r2,${spki('ec')},,\ngateway-r2,${raw()},x,y`
    const { devices, faults } = readDeviceList(text)
    expect(faults).toEqual([])
    expect(devices.map(({ line, className, attributes }) => ({ line, className, attributes }))).toEqual([
      { line: 2, className: 'gateway-r2', attributes: { site: 'berlin', note: 'a, "b"' } },
      { line: 4, className: 'gateway-r2', attributes: {} },
      { line: 5, className: 'gateway-r2', attributes: { site: 'x', note: 'y' } },
    ])
    expect(new Set(devices.map(({ key }) => key)).size).toBe(3)
  })

  it('names the line of each fault, and reads the others', () => {
    const key = spki()
    const lines = [
      'key,class',
      `${key},a`,
      `${key},a`,
      'zz,a',
      `${spki()}`,
      `${spki()},`,
      `"${spki()},a`,
      `${'00'.repeat(32)},a`,
    ]
    const { devices, faults } = readDeviceList(lines.join('\n'))
    expect(devices.map(({ line }) => line)).toEqual([2])
    expect(faults).toEqual([
      { line: 3, why: 'the same key as in line 2' },
      { line: 4, why: 'key: neither hex nor the base64 of a public key' },
      { line: 5, why: '1 values for 2 columns' },
      { line: 6, why: 'no class' },
      { line: 7, why: 'a quotation mark that does not end, or ends within a value' },
      { line: 8, why: 'key: not a canonical point, or one of small order' },
    ])
  })

  it.each([['key\nx'], ['class,key,\nx'], ['key,class,key\n'], ['']])(
    'without good names of columns is refused: %j',
    (text) => {
      expect(() => readDeviceList(text)).toThrow(expect.objectContaining({ code: 'REQUEST_INVALID' }))
    },
  )
})
