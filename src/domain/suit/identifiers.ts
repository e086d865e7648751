import { concat, fromHex, sha1, toHex, utf8 } from '../bytes.js'

const DNS_NAMESPACE = fromHex('6ba7b8109dad11d180b400c04fd430c8')

/** UUID version 5 (RFC 9562 §5.5), 16 bytes. SHA-1 is what the standard names; nothing rests on its strength here. */
export function uuidV5(namespace: Uint8Array, name: string): Uint8Array {
  const id = sha1(concat(namespace, utf8(name))).slice(0, 16)
  id[6] = ((id[6] ?? 0) & 0x0f) | 0x50
  id[8] = ((id[8] ?? 0) & 0x3f) | 0x80
  return id
}

/** vendor-id: UUIDv5 of the vendor's domain name in the DNS namespace. */
export const vendorIdOf = (domain: string): Uint8Array => uuidV5(DNS_NAMESPACE, domain)

/**
 * class-id: UUIDv5 of `model/hardware-revision/environment` under the vendor-id.
 * @throws RangeError when a part is empty or holds "/": gw + 12 and gw1 + 2 must not meet.
 */
export function classIdOf(
  vendorId: Uint8Array,
  model: string,
  hardwareRevision: string,
  environment: string,
): Uint8Array {
  const parts = [model, hardwareRevision, environment]
  if (parts.some((part) => part === '' || part.includes('/')))
    throw new RangeError('a part of a class name is empty or holds "/"')
  return uuidV5(vendorId, parts.join('/'))
}

/** The usual text form, 8-4-4-4-12 lower-case hex digits. */
export const formatUuid = (id: Uint8Array): string =>
  toHex(id).replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5')
