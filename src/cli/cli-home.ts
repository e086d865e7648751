import { homedir } from 'node:os'
import { join } from 'node:path'
import { z } from 'zod'
import { Refusal } from '../domain/refusal.js'
import { isNamespace } from '../domain/trust/fields.js'
import { findLocalFile, replaceLocalFile } from './local-file.js'

const Login = z.strictObject({
  server: z.url({ protocol: /^https?$/ }),
  namespace: z.string().refine(isNamespace, 'not product/environment'),
})
/** Which server, and which of its namespaces. */
export type Login = z.infer<typeof Login>

/** The folder where one person keeps their login and what they verified: COUNTERSIGN_HOME, else ~/.countersign. */
export class CliHome {
  constructor(readonly folder: string) {}

  static of(env: Readonly<Record<string, string | undefined>>): CliHome {
    return new CliHome(env['COUNTERSIGN_HOME'] ?? join(homedir(), '.countersign'))
  }

  path(name: string): string {
    return join(this.folder, name)
  }

  saveLogin(login: Login, token: string | null): void {
    const parsed = Login.safeParse(login)
    if (!parsed.success) {
      const issue = parsed.error.issues[0]
      throw new Refusal('REQUEST_INVALID', { field: issue?.path.join('.') ?? '', why: issue?.message ?? '' })
    }
    replaceLocalFile(this.path('config.json'), `${JSON.stringify(parsed.data, null, 2)}\n`, 0o600)
    if (token !== null) replaceLocalFile(this.path('token'), `${token}\n`, 0o600)
  }

  /** @throws Refusal `CONFIGURATION` before `countersign login`, or when its file was damaged. */
  getLogin(): Login {
    const bytes = findLocalFile(this.path('config.json'))
    if (bytes === null) throw new Refusal('CONFIGURATION', { name: 'login', why: 'run "countersign login" first' })
    try {
      return Login.parse(JSON.parse(Buffer.from(bytes).toString('utf8')))
    } catch (error) {
      throw new Refusal(
        'CONFIGURATION',
        { name: 'config.json', why: 'unreadable; run "countersign login" again' },
        { cause: error },
      )
    }
  }

  /** @returns the API token, or null when none was given. */
  findToken(): string | null {
    const bytes = findLocalFile(this.path('token'))
    return bytes === null ? null : Buffer.from(bytes).toString('utf8').trim()
  }
}
