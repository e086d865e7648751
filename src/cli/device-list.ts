import { createPublicKey } from 'node:crypto'
import { findHex, toBase64Url } from '../domain/bytes.js'
import { encodeCbor } from '../domain/cbor/encode.js'
import { coseKeyFromCbor, coseKeyToCbor } from '../domain/cose/cose-key.js'
import { Refusal } from '../domain/refusal.js'
import { publicKeyOf, publicKeyOfBytes } from './public-key-file.js'

/** One device of a list, and where in the file it stands. */
export interface ListedDevice {
  readonly line: number
  /** COSE_Key in base64url. */
  readonly key: string
  readonly className: string
  readonly attributes: Readonly<Record<string, string>>
}
export interface LineFault {
  readonly line: number
  readonly why: string
}
export interface DeviceList {
  readonly devices: readonly ListedDevice[]
  readonly faults: readonly LineFault[]
}

const MOST_LINES = 1_000_000

/**
 * Reads a list of devices: comma-separated values (RFC 4180) with a line of names. `key` and `class` are wanted; any other column is
 * an attribute of that name. A key is hex (32 bytes Ed25519, 64 or 65 P-256) or the base64 of its SPKI, as OpenSSL writes it.
 * @throws Refusal `REQUEST_INVALID` for a line of names that will not do. Faults of other lines are listed, one a line.
 */
export function readDeviceList(text: string): DeviceList {
  const [header = '', ...rows] = text.replace(/^\uFEFF/, '').split(/\r?\n/)
  const names = requireNames(header)
  if (rows.length > MOST_LINES)
    throw new Refusal('REQUEST_INVALID', { field: 'file', why: `above ${MOST_LINES} lines` })
  const devices: ListedDevice[] = []
  const faults: LineFault[] = []
  const seen = new Map<string, number>()
  for (const [index, row] of rows.entries()) {
    if (row.trim() === '') continue
    const line = index + 2
    const device = readRow(line, names, row)
    const before = 'why' in device ? undefined : seen.get(device.key)
    if ('why' in device) faults.push(device)
    else if (before !== undefined) faults.push({ line, why: `the same key as in line ${before}` })
    else {
      seen.set(device.key, line)
      devices.push(device)
    }
  }
  return { devices, faults }
}

function requireNames(header: string): readonly string[] {
  const names = readCells(header) ?? []
  const refuse = (why: string): never => {
    throw new Refusal('REQUEST_INVALID', { field: 'line 1', why })
  }
  for (const name of ['key', 'class']) if (!names.includes(name)) refuse(`no column "${name}"`)
  if (new Set(names).size !== names.length || names.includes('')) refuse('a column without a name, or a name twice')
  return names
}

function readRow(line: number, names: readonly string[], row: string): ListedDevice | LineFault {
  const cells = readCells(row)
  if (cells === null) return { line, why: 'a quotation mark that does not end, or ends within a value' }
  if (cells.length !== names.length) return { line, why: `${cells.length} values for ${names.length} columns` }
  const values = Object.fromEntries(names.map((name, index) => [name, (cells[index] ?? '').trim()]))
  const { key = '', class: className = '', ...others } = values
  if (className === '') return { line, why: 'no class' }
  const attributes = Object.fromEntries(Object.entries(others).filter(([, value]) => value !== ''))
  try {
    return { line, key: toBase64Url(readKey(key)), className, attributes }
  } catch (error) {
    if (!(error instanceof Refusal)) throw error
    return { line, why: `key: ${Object.values(error.detail).map(String).join(', ')}` }
  }
}

/** Read as the server will read it, so that nothing is sent that it would refuse. */
function readKey(text: string): Uint8Array {
  const hex = findHex(text)
  const isHex = hex !== null && hex.length >= 32
  const key = coseKeyToCbor(isHex ? publicKeyOfBytes(hex) : publicKeyOf(importSpki(text)))
  coseKeyFromCbor(key)
  return encodeCbor(key)
}

function importSpki(text: string) {
  try {
    if (!/^[A-Za-z0-9+/_-]{40,256}={0,2}$/.test(text)) throw new Error('not base64')
    return createPublicKey({ key: Buffer.from(text, 'base64'), format: 'der', type: 'spki' })
  } catch (error) {
    throw new Refusal('KEY_MALFORMED', { why: 'neither hex nor the base64 of a public key' }, { cause: error })
  }
}

/** The values of a line; null when its quotation marks do not fit. */
function readCells(line: string): string[] | null {
  const cells: string[] = []
  for (let rest = line; ;) {
    const [whole = '', quoted, plain = ''] = /^(?:"((?:[^"]|"")*)"|([^",]*))(?=,|$)/.exec(rest) ?? [undefined]
    if (whole === '' && rest !== '' && !rest.startsWith(',')) return null
    cells.push(quoted === undefined ? plain : quoted.replaceAll('""', '"'))
    rest = rest.slice(whole.length)
    if (rest === '') return cells
    rest = rest.slice(1)
  }
}
