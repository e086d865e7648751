import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ActiveLock } from './active-lock.js'

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'countersign-lock-'))
})
afterEach(() => rmSync(folder, { recursive: true }))

const locked = expect.objectContaining({ code: 'SIGNER_LOCKED' })

describe('lock of a state folder', () => {
  it('is held by one, and free again after', async () => {
    const lock = await ActiveLock.take(folder)
    await expect(ActiveLock.take(folder)).rejects.toEqual(locked)
    lock.release()
    const next = await ActiveLock.take(folder)
    next.release()
    expect(readdirSync(folder)).toEqual([])
  })

  it('is taken from a process that was killed, by exactly one of many that try', async () => {
    const program = `require('net').createServer().listen(${JSON.stringify(join(folder, 'lock.3'))}, () => console.log('up'))`
    const child = spawn(process.execPath, ['-e', program], { stdio: ['ignore', 'pipe', 'inherit'] })
    await once(child.stdout, 'data')
    await expect(ActiveLock.take(folder)).rejects.toEqual(locked)
    child.kill('SIGKILL')
    await once(child, 'exit')
    const outcomes = await Promise.allSettled(Array.from({ length: 8 }, () => ActiveLock.take(folder)))
    const won = outcomes.flatMap((outcome) => (outcome.status === 'fulfilled' ? [outcome.value] : []))
    expect(won).toHaveLength(1)
    expect(readdirSync(folder)).toEqual(['lock.4'])
    for (const lock of won) lock.release()
  })
})
