import { expect, it } from '@jest/globals'
import { fromHex, toHex } from '../bytes.js'
import { classIdOf, formatUuid, uuidV5, vendorIdOf } from './identifiers.js'

const DNS_NAMESPACE = fromHex('6ba7b8109dad11d180b400c04fd430c8')

it('makes the UUID that RFC 9562 A.4 gives for a name in the DNS namespace', () => {
  expect(formatUuid(uuidV5(DNS_NAMESPACE, 'www.example.com'))).toBe('2ed6657d-e927-568b-95e1-2665a8aea6a2')
  expect(formatUuid(vendorIdOf('www.example.com'))).toBe('2ed6657d-e927-568b-95e1-2665a8aea6a2')
})

it('makes the vendor id of the official SUIT examples', () => {
  // draft-ietf-suit-manifest, appendix B: the vendor there is the domain arm.com.
  expect(formatUuid(vendorIdOf('arm.com'))).toBe('fa6b4a53-d5ad-5fdf-be9d-e663e4d41ffe')
})

it('keeps model, revision and environment apart', () => {
  const vendor = vendorIdOf('vendor.example')
  const ids = [
    classIdOf(vendor, 'gw', '12', 'prod'),
    classIdOf(vendor, 'gw1', '2', 'prod'),
    classIdOf(vendor, 'gw', '12', 'dev'),
    classIdOf(vendorIdOf('other.example'), 'gw', '12', 'prod'),
  ]
  expect(new Set(ids.map(toHex)).size).toBe(4)
  expect(toHex(classIdOf(vendor, 'gw', '12', 'prod'))).toBe(toHex(uuidV5(vendor, 'gw/12/prod')))
})

it.each([
  ['', 'a', 'b'],
  ['gw', '', 'b'],
  ['gw', 'a', ''],
  ['g/w', 'a', 'b'],
  ['gw', 'a/b', 'c'],
  ['gw', 'a', 'b/c'],
])('refuses a part that is empty or holds a slash: %j %j %j', (model, revision, environment) => {
  expect(() => classIdOf(DNS_NAMESPACE, model, revision, environment)).toThrow(
    new RangeError('a part of a class name is empty or holds "/"'),
  )
})
