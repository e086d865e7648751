import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { makeSoftToken, type SoftToken } from './soft-token.js'

const run = promisify(execFile)

describe('a software token', () => {
  let folder = ''
  let token: SoftToken
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'cs-token-'))
    token = await makeSoftToken(join(folder, 'release'), 'release')
  })
  afterAll(() => rm(folder, { recursive: true }))

  const slots = async (of: SoftToken): Promise<string> =>
    (await run('softhsm2-util', ['--show-slots'], { env: { ...process.env, SOFTHSM2_CONF: of.configurationFile } }))
      .stdout

  it('is initialised under its label, with its user PIN set', async () => {
    expect(await slots(token)).toMatch(/Initialized: +yes\s+User PIN init.: +yes\s+Label: +release/)
  })

  it('keeps two different PINs in files for our eyes only', async () => {
    const pins = await Promise.all([token.userPinFile, token.securityPinFile].map((file) => readFile(file, 'utf8')))
    expect(new Set(pins).size).toBe(2)
    for (const [index, file] of [token.userPinFile, token.securityPinFile].entries()) {
      expect((await stat(file)).mode & 0o777).toBe(0o600)
      expect(pins[index]).toMatch(/^[0-9a-f]{32}\n$/)
    }
  })

  it('is found again, not made anew', async () => {
    const before = await readFile(token.userPinFile, 'utf8')
    expect(await makeSoftToken(join(folder, 'release'), 'release')).toEqual(token)
    expect(await readFile(token.userPinFile, 'utf8')).toBe(before)
  })

  it('shares nothing with a token beside it', async () => {
    const online = await makeSoftToken(join(folder, 'online'), 'online')
    expect(await slots(online)).not.toContain('release')
    expect(await slots(token)).not.toContain('online')
  })

  it('refuses a label that is none, in one line', async () => {
    await expect(makeSoftToken(join(folder, 'bad'), 'x'.repeat(33))).rejects.toMatchObject({
      code: 'TOKEN_FAILED',
      detail: { step: 'make a software token', why: expect.stringMatching(/^REQUEST_INVALID .*"label"/) },
    })
  })
})
