import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { loadServerConfig } from './server-config.js'

const space = {
  namespace: 'gateway/prod',
  rootFile: 'root',
  releaseSigner: 'a',
  onlineSigner: 'b',
  vendorDomain: 'vendor.example',
  classes: [
    {
      name: 'gateway-b',
      model: 'gateway',
      hardwareRevision: 'rev-b',
      environment: 'prod',
    },
  ],
}

describe('configuration of the server', () => {
  let folder = ''
  let env: Record<string, string> = {}
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'cs-config-'))
    writeFileSync(join(folder, 'url'), 'postgresql://a:secret@127.0.0.1/x\n')
    writeFileSync(join(folder, 'namespaces'), JSON.stringify([space]))
    const broker = { BROKER_PASSWORD_FILE: 'f', BROKER_PID_FILE: 'f', MQTT_USERNAME: 'server', MQTT_PASSWORD_FILE: 'f' }
    env = {
      DATABASE_URL_FILE: join(folder, 'url'),
      NAMESPACES_FILE: join(folder, 'namespaces'),
      STORE_DIR: folder,
      HTTP_PORT: '8080',
      PUBLIC_URL: 'https://updates.example/',
      INSTANCE_ID: 'a',
      PROFILE: 'production',
      MQTT_URL: 'mqtt://127.0.0.1:1884',
      MQTT_DEVICE_URL: 'mqtts://updates.example:8883',
      ...broker,
    }
  })
  afterAll(() => rmSync(folder, { recursive: true }))

  it('is read once, secrets from their files', () => {
    const config = loadServerConfig(env)
    expect(config).toMatchObject({ httpPort: 8080, publicUrl: 'https://updates.example', httpHost: '127.0.0.1' })
    expect(config.databaseUrl).toBe('postgresql://a:secret@127.0.0.1/x')
    expect(Object.isFrozen(config)).toBe(true)
  })

  it.each([
    ['HTTP_PORT', '70000'],
    ['HTTP_PORT', undefined],
    ['ROLLOUT_KEEP_DAYS', '0'],
    ['PUBLIC_URL', 'ftp://x'],
    ['PROFILE', 'cloud'],
    ['INSTANCE_ID', 'A b'],
    ['MQTT_URL', undefined],
    ['TRUSTED_PROXIES', '10.0.0.0/8, proxy'],
    ['TRUSTED_PROXIES', '10.0.0.0/33'],
  ])('names %s when it is %s, and never the value of anything', (name, value) => {
    expect(() => loadServerConfig({ ...env, [name]: value })).toThrow(
      expect.objectContaining({ code: 'CONFIGURATION', detail: expect.objectContaining({ name }) }),
    )
  })

  it('says which file of a secret cannot be read, and not where it is', () => {
    const missing = { ...env, DATABASE_URL_FILE: join(folder, 'nowhere') }
    const detail = { name: 'DATABASE_URL_FILE', why: 'its file cannot be read' }
    expect(() => loadServerConfig(missing)).toThrow(expect.objectContaining({ code: 'CONFIGURATION', detail }))
  })

  it.each([
    ['no JSON', '{', 'NAMESPACES_FILE', 'not JSON'],
    [
      'a name that is none',
      JSON.stringify([{ ...space, namespace: 'x' }]),
      'NAMESPACES_FILE 0.namespace',
      'not product/environment',
    ],
    [
      'a part with a slash',
      JSON.stringify([{ ...space, classes: [{ ...space.classes[0], model: 'a/b' }] }]),
      'NAMESPACES_FILE 0.classes.0.model',
      'holds "/"',
    ],
    [
      'one alias for two',
      JSON.stringify(
        ['gateway/prod', 'gateway/test'].map((namespace) => ({ ...space, namespace, ddi: { alias: 'DEFAULT' } })),
      ),
      'NAMESPACES_FILE',
      'two namespaces have one alias',
    ],
    [
      'an override whose filter is none',
      JSON.stringify([{ ...space, ddi: { pollOverrides: [{ filter: 'site =', pollSeconds: 60 }] } }]),
      'NAMESPACES_FILE 0.ddi.pollOverrides.0.filter',
      expect.stringContaining('FILTER_INVALID'),
    ],
    ['a name twice', JSON.stringify([space, space]), 'NAMESPACES_FILE', 'a namespace is listed twice'],
  ])('refuses namespaces with %s', (_, text, name, why) => {
    writeFileSync(join(folder, 'wrong'), text)
    const wrong = { ...env, NAMESPACES_FILE: join(folder, 'wrong') }
    expect(() => loadServerConfig(wrong)).toThrow(
      expect.objectContaining({ code: 'CONFIGURATION', detail: { name, why } }),
    )
  })

  it('names a folder or an S3-compatible store, and needs one of them', () => {
    expect(loadServerConfig(env).s3).toBeNull()
    const { STORE_DIR: _, ...none } = env
    const missing = expect.objectContaining({ detail: { name: 'STORE_DIR', why: 'missing' } })
    expect(() => loadServerConfig(none)).toThrow(missing)
    writeFileSync(join(folder, 'access'), 'access-1\n')
    writeFileSync(join(folder, 'secret'), 'secret-1\n')
    const s3 = {
      S3_BUCKET: 'firmware',
      S3_ENDPOINT: 'https://store.example',
      S3_ACCESS_KEY_FILE: join(folder, 'access'),
      S3_SECRET_KEY_FILE: join(folder, 'secret'),
    }
    expect(loadServerConfig({ ...none, ...s3 }).s3).toEqual({
      endpoint: 'https://store.example',
      region: 'us-east-1',
      bucket: 'firmware',
      accessKeyId: 'access-1',
      secretAccessKey: 'secret-1',
      isPathStyle: true,
      downloadEndpoint: null,
    })
    for (const [name, value] of [
      ['S3_ENDPOINT', 'http://store.example'],
      ['S3_ENDPOINT', undefined],
      ['S3_BUCKET', 'Upper/case'],
      ['S3_SECRET_KEY_FILE', undefined],
      ['S3_SECRET_KEY_FILE', join(folder, 'nowhere')],
    ] as const) {
      const bad = { ...none, ...s3, [name]: value }
      expect(() => loadServerConfig(bad)).toThrow(
        expect.objectContaining({ code: 'CONFIGURATION', detail: expect.objectContaining({ name }) }),
      )
    }
  })
})
