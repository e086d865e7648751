import { copyFile, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { readFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import { utf8 } from '../src/domain/bytes.js'
import { encodeCopy, StateStore } from './state-store.js'

describe('the state store', () => {
  let folder = ''
  let path = ''
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'cs-state-'))
    path = join(folder, 'state')
  })
  afterEach(() => rm(folder, { recursive: true }))

  const text = () => {
    const { found } = StateStore.open(path)
    return found === null ? null : Buffer.from(found).toString()
  }
  const save = (...values: string[]) => {
    const store = StateStore.open(path)
    for (const value of values) store.save(utf8(value))
  }

  it('has nothing on a new device', () => expect(text()).toBeNull())

  it('gives back what was saved last, over restarts', () => {
    save('one')
    expect(text()).toBe('one')
    save('two', 'three')
    expect(text()).toBe('three')
    save('four')
    expect(text()).toBe('four')
  })

  it('falls back to the older value wherever a write is cut', async () => {
    save('one', 'two')
    await copyFile(`${path}-b`, `${path}-kept`)
    const next = encodeCopy(3, utf8('three'))
    for (let cut = 0; cut < next.length; cut += 1) {
      await writeFile(`${path}-a`, next.subarray(0, cut))
      expect([cut, text()]).toEqual([cut, 'two'])
    }
    await writeFile(`${path}-a`, next)
    expect(text()).toBe('three')
    // The write never came near the copy that it would have fallen back to.
    expect(readFileSync(`${path}-b`)).toEqual(readFileSync(`${path}-kept`))
  })

  it('falls back to the older value whichever byte of the newest is damaged', async () => {
    save('one', 'two')
    const newest = readFileSync(`${path}-b`)
    for (let at = 0; at < newest.length; at += 1) {
      const damaged = Buffer.from(newest)
      damaged[at] = (damaged[at] ?? 0) ^ 0x01
      await writeFile(`${path}-b`, damaged)
      expect([at, text()]).toEqual([at, 'one'])
    }
  })

  it('writes over the torn copy after a cut, not over the whole one', async () => {
    save('one', 'two')
    await writeFile(`${path}-a`, encodeCopy(3, utf8('three')).subarray(0, 20))
    save('four')
    await rm(`${path}-b`)
    expect(text()).toBe('four')
  })
})
