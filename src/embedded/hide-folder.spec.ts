import { execFile } from 'node:child_process'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { requireFolderHiding, withHiddenFolders } from './hide-folder.js'

const run = promisify(execFile)

describe('a process from which folders are hidden', () => {
  let folder = ''
  let keys = ''
  let others = ''
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'cs-hide-'))
    keys = join(folder, 'keys of people')
    others = join(folder, 'others')
    for (const each of [keys, others]) {
      await mkdir(each)
      await writeFile(join(each, 'key'), 'secret')
    }
  })
  afterAll(() => rm(folder, { recursive: true }))

  /** What the shell says and how it ends, 0 or not, when only the folders given are hidden. */
  const shell = async (script: string, hidden = [keys, others]) => {
    const [program = '', ...args] = withHiddenFolders(hidden, ['sh', '-c', script])
    return run(program, args).then(
      ({ stdout }) => ({ ok: true, said: stdout }),
      (error: { stderr: string }) => ({ ok: false, said: error.stderr }),
    )
  }

  it('works here', async () => {
    await requireFolderHiding()
  })

  it('does not read them, and reads everything else', async () => {
    expect(await shell(`cat '${keys}/key'`, [others])).toEqual({ ok: true, said: 'secret' })
    for (const each of [keys, others]) {
      expect(await shell(`cat '${each}/key'`)).toMatchObject({ ok: false })
      expect(await shell(`ls '${each}'`)).toEqual({ ok: false, said: expect.stringContaining('Permission denied') })
    }
  })

  it('does not uncover them: by umount, by a new namespace, or through a process outside', async () => {
    expect(await shell(`umount '${keys}'`)).toMatchObject({ ok: false })
    expect(await shell(`unshare -rm sh -c "umount '${keys}' && cat '${keys}/key'"`)).toMatchObject({ ok: false })
    const around = await shell(`cat '/proc/${process.pid}/root${keys}/key'`)
    expect(around).toEqual({ ok: false, said: expect.stringContaining('Permission denied') })
  })

  it('does not start at all when one cannot be hidden', async () => {
    expect(await shell('echo started', [keys, join(folder, 'absent')])).toMatchObject({ ok: false })
  })
})
