// SwaggerUIBundle comes from /assets/api-reference.js (swagger-ui-dist). No validator: it would send the document to another server.
globalThis.SwaggerUIBundle({
  url: '/openapi.json',
  dom_id: '#reference',
  deepLinking: true,
  defaultModelsExpandDepth: 0,
  displayOperationId: true,
  displayRequestDuration: true,
  filter: true,
  validatorUrl: null,
})
