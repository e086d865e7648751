import type { INestApplication } from '@nestjs/common'
import { DocumentBuilder, type OpenAPIObject, SwaggerModule } from '@nestjs/swagger'

/** The OpenAPI document, made from the controllers. */
export function makeApiDocument(app: INestApplication): OpenAPIObject {
  const builder = new DocumentBuilder()
    .setTitle('Countersign')
    .setDescription(
      'Firmware signing and over-the-air updates. Bytes are base64url, digests lower-case hex, times seconds since the epoch.',
    )
    .setVersion('1')
    .addBearerAuth({ type: 'http', scheme: 'bearer', description: 'An API token, cst_…' })
  return SwaggerModule.createDocument(app, builder.build())
}

/** Serves it: the page at /api/docs, the document at /api/openapi.json. */
export function addApiDocument(app: INestApplication): void {
  SwaggerModule.setup('api/docs', app, () => makeApiDocument(app), { jsonDocumentUrl: 'api/openapi.json' })
}
