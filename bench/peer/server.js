// npm oidc-provider as a production would run it, with an interaction that signs in whoever login_hint names.
//
// node server.js PORT STORAGE CLIENT_ID CLIENT_SECRET REDIRECT_URI   (STORAGE: a file, or a postgresql:// address)
// Tokens as the product's: RS256 ID Tokens (2048 bit); ES256 JWT access tokens for who asks for RESOURCE, opaque
// ones otherwise, because oidc-provider takes only opaque tokens at userinfo and introspection.
import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { createServer } from 'node:http';
import Provider from 'oidc-provider';

const [port, storage, clientId, clientSecret, redirectUri] = process.argv.slice(2);
const { open } = await import(storage.startsWith('postgres') ? './postgresql.js' : './sqlite.js');
const store = await open(storage);

const RESOURCE = 'urn:bench:resource';
const HOUR = 3600;
const PEOPLE = 64;

await store.addAccounts(Array.from({ length: PEOPLE }, (_, n) => [`person-${n}`, {
  sub: `person-${n}`,
  name: `Jo Smith ${n}`,
  given_name: 'Jo',
  family_name: `Smith ${n}`,
  locale: 'en',
  email: `jo.smith.${n}@example.nhs.uk`,
  email_verified: true,
}]));

const privateJwk = (kid, alg, type, options) => ({
  ...generateKeyPairSync(type, options).privateKey.export({ format: 'jwk' }), kid, alg, use: 'sig',
});

async function findAccount(_ctx, accountId) {
  const claims = await store.findClaims(accountId);
  return claims && { accountId, claims: () => claims };
}

const provider = new Provider(`http://localhost:${port}`, {
  adapter: store.Adapter,
  findAccount,
  jwks: {
    keys: [
      privateJwk('rs256', 'RS256', 'rsa', { modulusLength: 2048 }),
      privateJwk('es256', 'ES256', 'ec', { namedCurve: 'P-256' }),
    ],
  },
  clients: [{
    client_id: clientId,
    client_secret: clientSecret,
    redirect_uris: [redirectUri],
    response_types: ['code'],
    grant_types: ['authorization_code', 'refresh_token', 'client_credentials'],
    token_endpoint_auth_method: 'client_secret_basic',
    id_token_signed_response_alg: 'RS256',
  }],
  claims: {
    openid: ['sub'],
    profile: ['name', 'given_name', 'family_name', 'locale'],
    email: ['email', 'email_verified'],
  },
  cookies: { keys: [randomBytes(32).toString('base64url')] },
  pkce: { required: () => true },
  rotateRefreshToken: true,
  issueRefreshToken: (_ctx, client) => client.grantTypeAllowed('refresh_token'),
  // A revoked token takes no grant with it: less work than the default, and one grant lasts a whole run.
  revokeGrantPolicy: (ctx) => ctx.oidc.route !== 'revocation',
  interactions: { url: (_ctx, interaction) => `/interaction/${interaction.uid}` },
  features: {
    devInteractions: { enabled: false },
    introspection: { enabled: true, allowedPolicy: (_ctx, client, token) => token.clientId === client.clientId },
    revocation: { enabled: true, allowedPolicy: (_ctx, client, token) => token.clientId === client.clientId },
    clientCredentials: { enabled: true },
    resourceIndicators: {
      enabled: true,
      useGrantedResource: () => true,
      getResourceServerInfo: (_ctx, resource) => ({
        audience: resource,
        scope: 'api openid profile email',
        accessTokenFormat: 'jwt',
        accessTokenTTL: HOUR / 12,
        jwt: { sign: { alg: 'ES256', kid: 'es256' } },
      }),
    },
  },
  ttl: {
    AccessToken: HOUR / 12,
    AuthorizationCode: 60,
    ClientCredentials: HOUR / 12,
    Grant: 12 * HOUR,
    IdToken: HOUR / 12,
    Interaction: HOUR / 2,
    RefreshToken: 12 * HOUR,
    Session: 12 * HOUR,
  },
});

async function signIn(request, response) {
  const { params } = await provider.interactionDetails(request, response);
  const accountId = params.login_hint;
  const grant = new provider.Grant({ accountId, clientId: params.client_id });
  grant.addOIDCScope(params.scope);
  grant.addResourceScope(RESOURCE, 'api openid profile email');
  const grantId = await grant.save();
  await provider.interactionFinished(request, response, { login: { accountId }, consent: { grantId } });
}

const answer = provider.callback();
const server = createServer((request, response) => {
  if (!request.url.startsWith('/interaction/')) return answer(request, response);
  return signIn(request, response).catch((error) => {
    console.error(error);
    response.writeHead(500).end();
  });
});
server.keepAliveTimeout = 0;
server.listen(Number(port), '127.0.0.1');
