import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { afterAll, expect, it } from '@jest/globals'

const folder = mkdtempSync(join(tmpdir(), 'cs-torn-key-'))
afterAll(() => rmSync(folder, { recursive: true }))

/** Runs in a process of its own, whose medium takes only so many bytes: then the power is gone. */
const program = (module: string): string => `
import fs from 'node:fs'
import { join } from 'node:path'
import { syncBuiltinESMExports } from 'node:module'
const write = fs.writeSync
let left = Infinity
fs.writeSync = (file, bytes, offset = 0) => {
  if (left === 0) throw new Error('power cut')
  const length = Math.min(bytes.length - offset, left)
  left -= length
  return write(file, bytes, offset, length)
}
syncBuiltinESMExports()
const { DeviceKey } = await import(${JSON.stringify(module)})
/** Cuts \`act\` after so many bytes; switched on again, what does the device call itself, and can it finish? */
const cut = (bytes, prepare, act) => {
  left = Infinity
  const dir = fs.mkdtempSync(join(${JSON.stringify(folder)}, 'device-'))
  const id = prepare(dir)
  left = bytes
  let isCut = false
  try { act(dir, id) } catch (error) { if (error.message !== 'power cut') throw error; isCut = true }
  left = Infinity
  const found = DeviceKey.open(dir).deviceId
  act(dir, found)
  const finished = DeviceKey.open(dir)
  fs.rmSync(dir, { recursive: true })
  return { isCut, keepsName: id === null || (found === id && finished.deviceId === id) }
}
const until = (prepare, act) => {
  const rows = []
  for (let bytes = 0; rows.at(-1)?.isCut !== false; bytes += 1) rows.push(cut(bytes, prepare, act))
  return { cuts: rows.length - 1, lost: rows.filter((row) => !row.keepsName).length }
}
const change = (dir, id) => { DeviceKey.openNext(dir, 'ed25519'); DeviceKey.adoptNext(dir, id) }
const first = (dir) => DeviceKey.open(dir).deviceId
console.log(JSON.stringify({
  birth: until(() => null, (dir) => DeviceKey.open(dir)),
  change: until(first, change),
  second: until((dir) => { const id = first(dir); change(dir, id); return id }, change),
}))
`

it('a power cut at any byte leaves a device its key and its name, at birth and in each change of keys', () => {
  const compiled = new URL(import.meta.url.replace(/\/device-sim\/[^/]*$/, '/dist/device-sim/device-key.js'))
  const { stdout, stderr } = spawnSync(
    process.execPath,
    ['--input-type=module', '-e', program(pathToFileURL(compiled.pathname).href)],
    { encoding: 'utf8', env: {} },
  )
  expect(stderr).toBe('')
  const found = JSON.parse(stdout) as Record<string, { cuts: number; lost: number }>
  expect(Object.values(found).map(({ lost }) => lost)).toEqual([0, 0, 0])
  // A key of 48 bytes; in a change that, the first public key and the name.
  expect(Object.values(found).map(({ cuts }) => cuts > 40)).toEqual([true, true, true])
}, 60_000)
