// @generated from spec/openapi.yml
/* eslint-disable */

export interface paths {
    "/health": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Whether the service takes requests */
        get: operations["getHealth"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v2/sandboxes": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** The team's sandboxes, page by page */
        get: operations["listSandboxesV2"];
        put?: never;
        /** Start a sandbox; always with an access token */
        post: operations["createSandboxV2"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/sandboxes": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * The team's running sandboxes
         * @deprecated
         */
        get: operations["listSandboxes"];
        put?: never;
        /** Start a sandbox */
        post: operations["createSandbox"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/sandboxes/metrics": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * The newest metrics of several sandboxes
         * @description Sandboxes that have ended, or begun less than some seconds ago, are left out.
         */
        get: operations["listSandboxesMetrics"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/sandboxes/{sandboxID}": {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description Also as `id-clientID`; what follows the first dash is ignored */
                sandboxID: components["parameters"]["SandboxID"];
            };
            cookie?: never;
        };
        /** One sandbox */
        get: operations["getSandbox"];
        put?: never;
        post?: never;
        /** End a sandbox */
        delete: operations["killSandbox"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v2/sandboxes/{sandboxID}/connect": {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description Also as `id-clientID`; what follows the first dash is ignored */
                sandboxID: components["parameters"]["SandboxID"];
            };
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Make sure a sandbox runs for at least this long */
        post: operations["connectSandboxV2"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/sandboxes/{sandboxID}/connect": {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description Also as `id-clientID`; what follows the first dash is ignored */
                sandboxID: components["parameters"]["SandboxID"];
            };
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Make sure a sandbox runs for at least this long */
        post: operations["connectSandbox"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/sandboxes/{sandboxID}/timeout": {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description Also as `id-clientID`; what follows the first dash is ignored */
                sandboxID: components["parameters"]["SandboxID"];
            };
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Let a sandbox end this long from now */
        post: operations["setSandboxTimeout"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/sandboxes/{sandboxID}/refreshes": {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description Also as `id-clientID`; what follows the first dash is ignored */
                sandboxID: components["parameters"]["SandboxID"];
            };
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Keep a sandbox for at least this long */
        post: operations["refreshSandbox"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/sandboxes/{sandboxID}/metrics": {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description Also as `id-clientID`; what follows the first dash is ignored */
                sandboxID: components["parameters"]["SandboxID"];
            };
            cookie?: never;
        };
        /**
         * Metrics of one sandbox over time
         * @description Every 5 seconds for the last hour, by the minute for a day; long times come in steps with the mean use of CPU and the most of the rest. Kept for a time after the sandbox's end.
         */
        get: operations["getSandboxMetrics"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/templates": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * The team's templates
         * @deprecated
         */
        get: operations["listTemplates"];
        put?: never;
        /** @deprecated */
        post: operations["createTemplateV1"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v2/templates": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** The team's templates, page by page */
        get: operations["listTemplatesV2"];
        put?: never;
        /** @deprecated */
        post: operations["createTemplateV2"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v3/templates": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post: operations["createTemplateV3"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/templates/aliases/{alias}": {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description Template reference; a slash in it is percent-encoded */
                alias: string;
            };
            cookie?: never;
        };
        /** Which template a name means */
        get: operations["getTemplateByAlias"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/templates/tags": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post: operations["assignTemplateTags"];
        delete: operations["deleteTemplateTags"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/templates/{templateID}": {
        parameters: {
            query?: never;
            header?: never;
            path: {
                templateID: components["parameters"]["TemplateID"];
            };
            cookie?: never;
        };
        /** One of the team's templates with its builds */
        get: operations["getTemplate"];
        put?: never;
        /** @deprecated */
        post: operations["rebuildTemplateV1"];
        delete: operations["deleteTemplate"];
        options?: never;
        head?: never;
        /** @deprecated */
        patch: operations["updateTemplateV1"];
        trace?: never;
    };
    "/v2/templates/{templateID}": {
        parameters: {
            query?: never;
            header?: never;
            path: {
                templateID: components["parameters"]["TemplateID"];
            };
            cookie?: never;
        };
        get?: never;
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch: operations["updateTemplate"];
        trace?: never;
    };
    "/templates/{templateID}/tags": {
        parameters: {
            query?: never;
            header?: never;
            path: {
                templateID: components["parameters"]["TemplateID"];
            };
            cookie?: never;
        };
        get: operations["listTemplateTags"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/templates/{templateID}/files/{hash}": {
        parameters: {
            query?: never;
            header?: never;
            path: {
                templateID: components["parameters"]["TemplateID"];
                hash: string;
            };
            cookie?: never;
        };
        get: operations["getTemplateFiles"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/templates/{templateID}/builds/{buildID}": {
        parameters: {
            query?: never;
            header?: never;
            path: {
                templateID: components["parameters"]["TemplateID"];
                buildID: components["parameters"]["BuildID"];
            };
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** @deprecated */
        post: operations["startTemplateBuildV1"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v2/templates/{templateID}/builds/{buildID}": {
        parameters: {
            query?: never;
            header?: never;
            path: {
                templateID: components["parameters"]["TemplateID"];
                buildID: components["parameters"]["BuildID"];
            };
            cookie?: never;
        };
        get?: never;
        put?: never;
        post: operations["startTemplateBuild"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/templates/{templateID}/builds/{buildID}/status": {
        parameters: {
            query?: never;
            header?: never;
            path: {
                templateID: components["parameters"]["TemplateID"];
                buildID: components["parameters"]["BuildID"];
            };
            cookie?: never;
        };
        get: operations["getTemplateBuildStatus"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/templates/{templateID}/builds/{buildID}/logs": {
        parameters: {
            query?: never;
            header?: never;
            path: {
                templateID: components["parameters"]["TemplateID"];
                buildID: components["parameters"]["BuildID"];
            };
            cookie?: never;
        };
        get: operations["getTemplateBuildLogs"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/sandboxes/{sandboxID}/pause": {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description Also as `id-clientID`; what follows the first dash is ignored */
                sandboxID: components["parameters"]["SandboxID"];
            };
            cookie?: never;
        };
        get?: never;
        put?: never;
        post: operations["pauseSandbox"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/sandboxes/{sandboxID}/resume": {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description Also as `id-clientID`; what follows the first dash is ignored */
                sandboxID: components["parameters"]["SandboxID"];
            };
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** @deprecated */
        post: operations["resumeSandbox"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/sandboxes/{sandboxID}/fork": {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description Also as `id-clientID`; what follows the first dash is ignored */
                sandboxID: components["parameters"]["SandboxID"];
            };
            cookie?: never;
        };
        get?: never;
        put?: never;
        post: operations["forkSandbox"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/sandboxes/{sandboxID}/network": {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description Also as `id-clientID`; what follows the first dash is ignored */
                sandboxID: components["parameters"]["SandboxID"];
            };
            cookie?: never;
        };
        get?: never;
        /** Replace what a running sandbox may reach; what is left out is cleared */
        put: operations["setSandboxNetwork"];
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/sandboxes/{sandboxID}/logs": {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description Also as `id-clientID`; what follows the first dash is ignored */
                sandboxID: components["parameters"]["SandboxID"];
            };
            cookie?: never;
        };
        /**
         * What a sandbox said and what happened to it, from a time on; also after its end, for a time
         * @deprecated
         */
        get: operations["getSandboxLogs"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v2/sandboxes/{sandboxID}/logs": {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description Also as `id-clientID`; what follows the first dash is ignored */
                sandboxID: components["parameters"]["SandboxID"];
            };
            cookie?: never;
        };
        /** What a sandbox said and what happened to it; also after its end, for a time */
        get: operations["getSandboxLogsV2"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/sandboxes/{sandboxID}/snapshots": {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description Also as `id-clientID`; what follows the first dash is ignored */
                sandboxID: components["parameters"]["SandboxID"];
            };
            cookie?: never;
        };
        get?: never;
        put?: never;
        post: operations["createSnapshot"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/snapshots": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get: operations["listSnapshots"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/volumes": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** The team's volumes, oldest first */
        get: operations["listVolumes"];
        put?: never;
        /** Make an empty volume, which outlives the sandboxes that mount it */
        post: operations["createVolume"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/volumes/{volumeID}": {
        parameters: {
            query?: never;
            header?: never;
            path: {
                volumeID: components["parameters"]["VolumeID"];
            };
            cookie?: never;
        };
        /** A volume with a new token for its content */
        get: operations["getVolume"];
        put?: never;
        post?: never;
        /** Delete a volume with all that is in it; 409 while a sandbox or a transfer uses it */
        delete: operations["deleteVolume"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/volumecontent/{volumeID}/path": {
        parameters: {
            query: {
                /** @description In the volume; relative paths begin at its root */
                path: components["parameters"]["EntryPath"];
            };
            header?: never;
            path: {
                volumeID: components["parameters"]["VolumeID"];
            };
            cookie?: never;
        };
        /** What is told about a file or directory; a link is itself */
        get: operations["getVolumeEntry"];
        put?: never;
        post?: never;
        /** Remove a file or link, or a directory with all that is in it */
        delete: operations["deleteVolumeEntry"];
        options?: never;
        head?: never;
        /** Change owner and mode */
        patch: operations["updateVolumeEntry"];
        trace?: never;
    };
    "/volumecontent/{volumeID}/dir": {
        parameters: {
            query: {
                /** @description In the volume; relative paths begin at its root */
                path: components["parameters"]["EntryPath"];
            };
            header?: never;
            path: {
                volumeID: components["parameters"]["VolumeID"];
            };
            cookie?: never;
        };
        /** What is in a directory, parents before what is in them, by name */
        get: operations["listVolumeDirectory"];
        put?: never;
        /** Make a directory; with `force` also missing parents, and one that is there will do */
        post: operations["makeVolumeDirectory"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/volumecontent/{volumeID}/file": {
        parameters: {
            query: {
                /** @description In the volume; relative paths begin at its root */
                path: components["parameters"]["EntryPath"];
            };
            header?: never;
            path: {
                volumeID: components["parameters"]["VolumeID"];
            };
            cookie?: never;
        };
        /** The bytes of a file */
        get: operations["readVolumeFile"];
        /** Write a file, which is there as a whole or not at all; `force=false` refuses to make parents and to replace */
        put: operations["writeVolumeFile"];
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/secrets": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** The team's secrets without their values, newest first */
        get: operations["listSecrets"];
        put?: never;
        /** Keep a secret; its value is never told again */
        post: operations["createSecret"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/secrets/{secretID}": {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description Id or name */
                secretID: string;
            };
            cookie?: never;
        };
        /** One secret without its value */
        get: operations["getSecret"];
        put?: never;
        /** Add a version, which is current from then on */
        post: operations["updateSecret"];
        /** Forget a secret with all its versions */
        delete: operations["deleteSecret"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/teams": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** The key's team */
        get: operations["listTeams"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/teams/{teamID}/metrics": {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description Id of a team; a key finds only its own */
                teamID: components["parameters"]["TeamID"];
            };
            cookie?: never;
        };
        /** How many sandboxes ran and started, step by step; the last hour when no time is given */
        get: operations["getTeamMetrics"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/teams/{teamID}/metrics/max": {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description Id of a team; a key finds only its own */
                teamID: components["parameters"]["TeamID"];
            };
            cookie?: never;
        };
        /** The most of one of them in a time */
        get: operations["getTeamMetricsMax"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api-keys": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** The team's API keys, oldest first */
        get: operations["listApiKeys"];
        put?: never;
        /** Make another key of the team */
        post: operations["createApiKey"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api-keys/{apiKeyID}": {
        parameters: {
            query?: never;
            header?: never;
            path: {
                apiKeyID: components["parameters"]["ApiKeyID"];
            };
            cookie?: never;
        };
        get?: never;
        put?: never;
        post?: never;
        /** Refuse a key from now on */
        delete: operations["deleteApiKey"];
        options?: never;
        head?: never;
        /** Give a key another name */
        patch: operations["renameApiKey"];
        trace?: never;
    };
    "/nodes": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** The nodes and what is on them */
        get: operations["listNodes"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/nodes/{nodeID}": {
        parameters: {
            query?: never;
            header?: never;
            path: {
                nodeID: string;
            };
            cookie?: never;
        };
        /** One node with its sandboxes */
        get: operations["getNode"];
        put?: never;
        /** Let a node take new sandboxes, or only keep those it has */
        post: operations["setNodeStatus"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/admin/sandboxes/running-counts": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** How many sandboxes run, by team */
        get: operations["countRunningSandboxes"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/admin/teams/{teamID}/sandboxes/kill": {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description Id of a team; a key finds only its own */
                teamID: components["parameters"]["TeamID"];
            };
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** End every sandbox of a team */
        post: operations["killTeamSandboxes"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/admin/teams/{teamID}/builds/cancel": {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description Id of a team; a key finds only its own */
                teamID: components["parameters"]["TeamID"];
            };
            cookie?: never;
        };
        get?: never;
        put?: never;
        post: operations["cancelTeamBuilds"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/admin/teams/{teamID}/api-keys": {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description Id of a team; a key finds only its own */
                teamID: components["parameters"]["TeamID"];
            };
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Make a key of any team */
        post: operations["createTeamApiKey"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/admin/teams/{teamID}/api-keys/{apiKeyID}": {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description Id of a team; a key finds only its own */
                teamID: components["parameters"]["TeamID"];
                apiKeyID: components["parameters"]["ApiKeyID"];
            };
            cookie?: never;
        };
        get?: never;
        put?: never;
        post?: never;
        /** Refuse a key of any team from now on */
        delete: operations["deleteTeamApiKey"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
}
export type webhooks = Record<string, never>;
export interface components {
    schemas: {
        Error: {
            /** @description The HTTP status */
            code: number;
            message: string;
            /** @description Which step or layer failed */
            error_code?: string;
        };
        Team: {
            /** Format: uuid */
            teamID: string;
            name: string;
            /** @description The key that was sent */
            apiKey: string;
            isDefault: boolean;
        };
        KeyMask: {
            prefix: string;
            /** @description Characters after the prefix */
            valueLength: number;
            maskedValuePrefix: string;
            maskedValueSuffix: string;
        };
        TeamApiKey: {
            /** Format: uuid */
            id: string;
            name: string;
            mask: components["schemas"]["KeyMask"];
            /** Format: date-time */
            createdAt: string;
            /** @description The key that asked for this one; null for keys made by the operator */
            createdBy?: {
                /** Format: uuid */
                id: string;
                email: null;
            } | null;
            /**
             * Format: date-time
             * @description To the minute
             */
            lastUsed?: string | null;
        };
        CreatedTeamApiKey: components["schemas"]["TeamApiKey"] & {
            key: string;
        };
        NewTeamApiKey: {
            name: string;
        };
        Node: {
            id: string;
            /** @description The same */
            nodeID: string;
            /**
             * Format: uuid
             * @description There is one cluster
             */
            clusterID: string;
            serviceInstanceID: string;
            version: string;
            /** @description Empty */
            commit: string;
            /** @enum {string} */
            status: "ready" | "draining" | "connecting" | "unhealthy" | "standby";
            sandboxCount: number;
            sandboxStartingCount: number;
            /** @description Since the service started */
            createSuccesses: number;
            /** @description Since the service started */
            createFails: number;
            /** @description Tier of new sandboxes */
            isolation?: string;
            driver?: string;
            metrics: {
                /** @description CPUs promised to sandboxes */
                allocatedCPU: number;
                allocatedMemoryBytes: number;
                allocatedDiskBytes: number;
            };
        };
        NodeDetail: components["schemas"]["Node"] & {
            sandboxIDs: string[];
        };
        Secret: {
            secretID: string;
            name: string;
            /** @description From 1 */
            currentVersion: number;
            metadata: components["schemas"]["StringMap"];
            /** Format: date-time */
            createdAt: string;
            /** Format: date-time */
            updatedAt: string;
        };
        /** @description Keys up to 128 bytes, values up to 1024, all up to 8192 */
        SecretMetadata: {
            [key: string]: string;
        };
        NewSecret: {
            /** @description Kept in lower case; not beginning with sec_ */
            name: string;
            value: string;
            metadata?: components["schemas"]["SecretMetadata"];
        };
        SecretUpdate: {
            value: string;
            metadata?: components["schemas"]["SecretMetadata"];
        };
        StringMap: {
            [key: string]: string;
        };
        EnvVars: {
            [key: string]: string;
        };
        /**
         * @description What really separates the sandbox from the host
         * @enum {string}
         */
        Isolation: "microvm" | "gvisor" | "container";
        /** @enum {string} */
        SandboxState: "running" | "paused";
        NewVolume: {
            /** @description Unique in the team */
            name: string;
        };
        Volume: {
            /** Format: uuid */
            volumeID: string;
            name: string;
        };
        VolumeAndToken: {
            /** Format: uuid */
            volumeID: string;
            name: string;
            /** @description Opens the volume's content for 24 hours */
            token: string;
            /** @description Never set; clients reach the content where they reach the API */
            domain?: string;
        };
        /** @description Absent ones stay */
        VolumeEntryChange: {
            uid?: number;
            gid?: number;
            mode?: number;
        };
        VolumeEntryStat: {
            name: string;
            /** @enum {string} */
            type: "unknown" | "file" | "directory" | "symlink";
            path: string;
            size: number;
            /** @description Permission bits */
            mode: number;
            uid: number;
            gid: number;
            /** Format: date-time */
            atime: string;
            /** Format: date-time */
            mtime: string;
            /** Format: date-time */
            ctime: string;
            /** @description What is written in a symlink */
            target?: string;
        };
        VolumeMount: {
            name: string;
            path: string;
        };
        NetworkConfig: {
            /** @description When false, ports other than the daemon's need the traffic access token */
            allowPublicTraffic?: boolean | null;
            allowOut?: components["schemas"]["AllowOut"];
            denyOut?: components["schemas"]["DenyOut"];
            dnsServers?: components["schemas"]["DnsServers"];
            egressProxy?: components["schemas"]["EgressProxy"];
            rules?: components["schemas"]["EgressRules"];
            /** @description Host that services on the sandbox's ports see; `${PORT}` stands for the port */
            maskRequestHost?: string | null;
            /** @description Ports whose service speaks TLS; its certificate is not checked. 49983 can't be one */
            httpsPorts?: number[] | null;
        } | null;
        NetworkUpdate: {
            allow_internet_access?: boolean | null;
            allowOut?: components["schemas"]["AllowOut"];
            denyOut?: components["schemas"]["DenyOut"];
            dnsServers?: components["schemas"]["DnsServers"];
            egressProxy?: components["schemas"]["EgressProxy"];
            rules?: components["schemas"]["EgressRules"];
        };
        /**
         * @description IP addresses, CIDR ranges, or domains (`example.com`, `*.example.com`); wins over `denyOut`. Domains ask for
         *     `0.0.0.0/0` in `denyOut`
         */
        AllowOut: string[] | null;
        /** @description IP addresses or CIDR ranges */
        DenyOut: string[] | null;
        /** @description IPv4 addresses that may be asked when `allowOut` has a domain; an empty list allows none */
        DnsServers: string[] | null;
        EgressProxy: {
            /** @description Of a SOCKS5 proxy, as `host:port` */
            address: string;
            username?: string;
            /** @description Never told again */
            password?: string;
            tls?: {
                enabled: boolean;
                /** @description Name that the proxy's certificate is checked for */
                serverName?: string;
                /** @description PEM certificates to trust instead of the usual ones; never told again */
                caCert?: string;
            } | null;
        } | null;
        /**
         * @description Headers put into requests by domain (`example.com`, `*.example.com`): at most 10 domains, each with one entry and
         *     up to 20 headers
         */
        EgressRules: {
            [key: string]: {
                transform?: {
                    headers?: components["schemas"]["StringMap"];
                };
            }[];
        } | null;
        NewSandboxV2: {
            /** @description `id`, `name` or `namespace/name`, each with an optional `:tag` */
            templateID: string;
            /** @description Seconds */
            timeout?: number;
            /** @description Not available yet when true */
            autoPause?: boolean | null;
            autoPauseMemory?: boolean | null;
            autoResume?: {
                /** @description Not available yet when true */
                enabled?: boolean;
            } | null;
            allow_internet_access?: boolean | null;
            network?: components["schemas"]["NetworkConfig"];
            metadata?: components["schemas"]["StringMap"];
            envVars?: components["schemas"]["EnvVars"];
            /** @description Of use to clients only */
            mcp?: Record<string, never> | null;
            iam?: {
                /** @description Not available yet */
                tokens?: Record<string, never> | unknown[] | null;
            } | null;
            /** @description Volumes of the team by name, each at an absolute path of its own */
            volumeMounts?: components["schemas"]["VolumeMount"][] | null;
        };
        NewSandbox: components["schemas"]["NewSandboxV2"] & {
            /** @description Whether the daemon asks for an access token; true when absent */
            secure?: boolean | null;
        };
        ConnectSandboxV2: {
            /** @description Seconds; 300 when absent */
            timeout?: number;
            /** @description Whether a paused sandbox is resumed with its memory */
            memory?: boolean | null;
        };
        ConnectSandbox: {
            /** @description Seconds */
            timeout: number;
            /** @description Whether a paused sandbox is resumed with its memory */
            memory?: boolean | null;
        };
        Sandbox: {
            templateID: string;
            sandboxID: string;
            clientID: string;
            envdVersion: string;
            alias?: string;
            envdAccessToken?: string;
            trafficAccessToken?: string | null;
            domain?: string | null;
            isolation?: components["schemas"]["Isolation"];
        };
        ListedSandbox: {
            templateID: string;
            sandboxID: string;
            clientID: string;
            /** Format: date-time */
            startedAt: string;
            /** Format: date-time */
            endAt: string;
            envdVersion: string;
            cpuCount: number;
            memoryMB: number;
            diskSizeMB: number;
            state: components["schemas"]["SandboxState"];
            alias?: string;
            metadata?: components["schemas"]["StringMap"];
            volumeMounts?: components["schemas"]["VolumeMount"][];
            isolation?: components["schemas"]["Isolation"];
        };
        ListedSandboxes: components["schemas"]["ListedSandbox"][];
        SandboxDetail: components["schemas"]["ListedSandbox"] & {
            envdAccessToken?: string;
            allowInternetAccess?: boolean | null;
            domain?: string | null;
            network?: components["schemas"]["NetworkConfig"];
            lifecycle?: {
                autoResume: boolean;
                /** @enum {string} */
                onTimeout: "kill" | "pause";
            };
        };
        SandboxMetric: {
            /** Format: date-time */
            timestamp: string;
            timestampUnix: number;
            cpuCount: number;
            /** @description 0 to 100 of all CPUs together */
            cpuUsedPct: number;
            /** @description Bytes */
            memUsed: number;
            /** @description Bytes */
            memTotal: number;
            /** @description Bytes */
            memCache: number;
            /** @description Bytes */
            diskUsed: number;
            /** @description Bytes */
            diskTotal: number;
        };
        /** @enum {string} */
        LogLevel: "debug" | "info" | "warn" | "error";
        SandboxLogEntry: {
            /** Format: date-time */
            timestamp: string;
            message: string;
            level: components["schemas"]["LogLevel"];
            /** @description `logger` says who it is from: node, envd, process, or console for anything else that was said there */
            fields: components["schemas"]["StringMap"];
        };
        SandboxLogs: {
            logs: {
                /** Format: date-time */
                timestamp: string;
                /** @description A JSON object with `level`, `logger`, `message` and more */
                line: string;
            }[];
            logEntries: components["schemas"]["SandboxLogEntry"][];
        };
        TeamMetric: {
            /** Format: date-time */
            timestamp: string;
            timestampUnix: number;
            /** @description The most at a time in the step */
            concurrentSandboxes: number;
            /** @description Per second */
            sandboxStartRate: number;
        };
        MaxTeamMetric: {
            /** Format: date-time */
            timestamp: string;
            timestampUnix: number;
            value: number;
        };
        /** @enum {string} */
        BuildStatus: "waiting" | "building" | "ready" | "error";
        Template: {
            templateID: string;
            /** Format: uuid */
            buildID: string;
            cpuCount: number;
            memoryMB: number;
            diskSizeMB: number;
            public: boolean;
            aliases: string[];
            names: string[];
            /** Format: date-time */
            createdAt: string;
            /** Format: date-time */
            updatedAt: string;
            createdBy: null;
            /** Format: date-time */
            lastSpawnedAt: string | null;
            spawnCount: number;
            buildCount: number;
            envdVersion: string;
            buildStatus: components["schemas"]["BuildStatus"];
        };
        TemplateBuild: {
            /** Format: uuid */
            buildID: string;
            status: components["schemas"]["BuildStatus"];
            /** Format: date-time */
            createdAt: string;
            /** Format: date-time */
            updatedAt: string;
            /** Format: date-time */
            finishedAt?: string;
            cpuCount: number;
            memoryMB: number;
            diskSizeMB?: number;
            envdVersion?: string;
        };
        TemplateWithBuilds: components["schemas"]["Template"] & {
            builds: components["schemas"]["TemplateBuild"][];
        };
    };
    responses: {
        /** @description The request breaks a rule; the message names the field */
        BadRequest: {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/json": components["schemas"]["Error"];
            };
        };
        /** @description The API key is missing or unknown */
        Unauthorized: {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/json": components["schemas"]["Error"];
            };
        };
        /** @description Not for this team */
        Forbidden: {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/json": components["schemas"]["Error"];
            };
        };
        /** @description The team has no such thing */
        NotFound: {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/json": components["schemas"]["Error"];
            };
        };
        /** @description Not in the state it is in */
        Conflict: {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/json": components["schemas"]["Error"];
            };
        };
        /** @description The Idempotency-Key stands for another request */
        Mismatch: {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/json": components["schemas"]["Error"];
            };
        };
        /** @description A limit is reached; the message names it */
        TooMany: {
            headers: {
                /** @description Seconds */
                "Retry-After"?: number;
                /** @description Requests that pass at once */
                "RateLimit-Limit"?: number;
                /** @description Of these now */
                "RateLimit-Remaining"?: number;
                /** @description Seconds until all are there again */
                "RateLimit-Reset"?: number;
                [name: string]: unknown;
            };
            content: {
                "application/json": components["schemas"]["Error"];
            };
        };
        /** @description The volume is full; the message says how large it is and where that is set */
        Full: {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/json": components["schemas"]["Error"];
            };
        };
        /** @description A failure of the service */
        Internal: {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/json": components["schemas"]["Error"];
            };
        };
        /** @description Not available yet */
        NotYet: {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/json": components["schemas"]["Error"];
            };
        };
        /** @description Something that is needed does not answer; the message says which layer */
        Unavailable: {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/json": components["schemas"]["Error"];
            };
        };
        /** @description A step did not finish in time; the message says which layer */
        TooLate: {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/json": components["schemas"]["Error"];
            };
        };
    };
    parameters: {
        /** @description Also as `id-clientID`; what follows the first dash is ignored */
        SandboxID: string;
        TemplateID: string;
        VolumeID: string;
        /** @description In the volume; relative paths begin at its root */
        EntryPath: string;
        /** @description Owner of what is made; 0 unless told */
        EntryUid: number;
        /** @description Group of what is made; 0 unless told */
        EntryGid: number;
        /** @description Permission bits of what is made; 0666 for files and 0777 for directories unless told */
        EntryMode: number;
        EntryForce: boolean;
        BuildID: string;
        ApiKeyID: string;
        /** @description Id of a team; a key finds only its own */
        TeamID: string;
        LogLimit: number;
        /** @description A query string of percent-encoded pairs, itself percent-encoded; all pairs must match */
        MetadataFilter: string;
        /** @description The `X-Next-Token` of the page before */
        NextToken: string;
        PageLimit: number;
    };
    requestBodies: never;
    headers: never;
    pathItems: never;
}
export type $defs = Record<string, never>;
export interface operations {
    getHealth: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description It does */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            503: components["responses"]["Unavailable"];
        };
    };
    listSandboxesV2: {
        parameters: {
            query?: {
                /** @description A query string of percent-encoded pairs, itself percent-encoded; all pairs must match */
                metadata?: components["parameters"]["MetadataFilter"];
                /** @description Comma-separated; both when absent */
                state?: string;
                /** @description The `X-Next-Token` of the page before */
                nextToken?: components["parameters"]["NextToken"];
                limit?: components["parameters"]["PageLimit"];
                /** @description By start time */
                order?: "asc" | "desc";
                startedAfter?: string;
                /** @description Id or name of a template */
                template?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description One page */
            200: {
                headers: {
                    /** @description Cursor of the next page; absent on the last */
                    "X-Next-Token"?: string;
                    /** @description Running sandboxes of the team, on all pages */
                    "X-Total-Running"?: number;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ListedSandboxes"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            429: components["responses"]["TooMany"];
            500: components["responses"]["Internal"];
        };
    };
    createSandboxV2: {
        parameters: {
            query?: never;
            header?: {
                /** @description Repeating the request with the same key within 24 hours gives the first answer again; a create that failed frees its key */
                "Idempotency-Key"?: string;
            };
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["NewSandboxV2"];
            };
        };
        responses: {
            /** @description The sandbox runs and its daemon answers */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Sandbox"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            409: components["responses"]["Conflict"];
            422: components["responses"]["Mismatch"];
            429: components["responses"]["TooMany"];
            500: components["responses"]["Internal"];
            501: components["responses"]["NotYet"];
            503: components["responses"]["Unavailable"];
            504: components["responses"]["TooLate"];
        };
    };
    listSandboxes: {
        parameters: {
            query?: {
                /** @description A query string of percent-encoded pairs, itself percent-encoded; all pairs must match */
                metadata?: components["parameters"]["MetadataFilter"];
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description All of them */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ListedSandboxes"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            429: components["responses"]["TooMany"];
            500: components["responses"]["Internal"];
        };
    };
    createSandbox: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["NewSandbox"];
            };
        };
        responses: {
            /** @description The sandbox runs and its daemon answers */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Sandbox"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            429: components["responses"]["TooMany"];
            500: components["responses"]["Internal"];
            501: components["responses"]["NotYet"];
            503: components["responses"]["Unavailable"];
            504: components["responses"]["TooLate"];
        };
    };
    listSandboxesMetrics: {
        parameters: {
            query: {
                /** @description Comma-separated, at most 100 */
                sandbox_ids: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description By sandbox id */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        sandboxes: {
                            [key: string]: components["schemas"]["SandboxMetric"];
                        };
                    };
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            429: components["responses"]["TooMany"];
            500: components["responses"]["Internal"];
            503: components["responses"]["Unavailable"];
            504: components["responses"]["TooLate"];
        };
    };
    getSandbox: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description Also as `id-clientID`; what follows the first dash is ignored */
                sandboxID: components["parameters"]["SandboxID"];
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The sandbox */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["SandboxDetail"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            429: components["responses"]["TooMany"];
            500: components["responses"]["Internal"];
        };
    };
    killSandbox: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description Also as `id-clientID`; what follows the first dash is ignored */
                sandboxID: components["parameters"]["SandboxID"];
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Nothing of it is left */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            429: components["responses"]["TooMany"];
            500: components["responses"]["Internal"];
            503: components["responses"]["Unavailable"];
            504: components["responses"]["TooLate"];
        };
    };
    connectSandboxV2: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description Also as `id-clientID`; what follows the first dash is ignored */
                sandboxID: components["parameters"]["SandboxID"];
            };
            cookie?: never;
        };
        requestBody?: {
            content: {
                "application/json": components["schemas"]["ConnectSandboxV2"];
            };
        };
        responses: {
            /** @description It was running; its end is never moved forward */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Sandbox"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            409: components["responses"]["Conflict"];
            429: components["responses"]["TooMany"];
            500: components["responses"]["Internal"];
        };
    };
    connectSandbox: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description Also as `id-clientID`; what follows the first dash is ignored */
                sandboxID: components["parameters"]["SandboxID"];
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["ConnectSandbox"];
            };
        };
        responses: {
            /** @description It was running; its end is never moved forward */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Sandbox"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            409: components["responses"]["Conflict"];
            429: components["responses"]["TooMany"];
            500: components["responses"]["Internal"];
        };
    };
    setSandboxTimeout: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description Also as `id-clientID`; what follows the first dash is ignored */
                sandboxID: components["parameters"]["SandboxID"];
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": {
                    /** @description Seconds; below 0 counts as 0 */
                    timeout: number;
                };
            };
        };
        responses: {
            /** @description Set */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            409: components["responses"]["Conflict"];
            429: components["responses"]["TooMany"];
            500: components["responses"]["Internal"];
        };
    };
    refreshSandbox: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description Also as `id-clientID`; what follows the first dash is ignored */
                sandboxID: components["parameters"]["SandboxID"];
            };
            cookie?: never;
        };
        requestBody?: {
            content: {
                "application/json": {
                    /** @description Seconds; at least 15 count */
                    duration?: number;
                };
            };
        };
        responses: {
            /** @description Its end is at least that far away */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            409: components["responses"]["Conflict"];
            429: components["responses"]["TooMany"];
            500: components["responses"]["Internal"];
        };
    };
    getSandboxMetrics: {
        parameters: {
            query?: {
                /** @description Unix seconds */
                start?: number;
                /** @description Unix seconds */
                end?: number;
            };
            header?: never;
            path: {
                /** @description Also as `id-clientID`; what follows the first dash is ignored */
                sandboxID: components["parameters"]["SandboxID"];
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Oldest first */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["SandboxMetric"][];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            429: components["responses"]["TooMany"];
            500: components["responses"]["Internal"];
            503: components["responses"]["Unavailable"];
            504: components["responses"]["TooLate"];
        };
    };
    listTemplates: {
        parameters: {
            query?: {
                /** @description Ignored; the key names the team */
                teamId?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description All of them */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Template"][];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            429: components["responses"]["TooMany"];
            500: components["responses"]["Internal"];
        };
    };
    createTemplateV1: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            429: components["responses"]["TooMany"];
            501: components["responses"]["NotYet"];
        };
    };
    listTemplatesV2: {
        parameters: {
            query?: {
                /** @description The `X-Next-Token` of the page before */
                nextToken?: components["parameters"]["NextToken"];
                limit?: components["parameters"]["PageLimit"];
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description One page */
            200: {
                headers: {
                    /** @description Cursor of the next page; absent on the last */
                    "X-Next-Token"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Template"][];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            429: components["responses"]["TooMany"];
            500: components["responses"]["Internal"];
        };
    };
    createTemplateV2: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            429: components["responses"]["TooMany"];
            501: components["responses"]["NotYet"];
        };
    };
    createTemplateV3: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            429: components["responses"]["TooMany"];
            501: components["responses"]["NotYet"];
        };
    };
    getTemplateByAlias: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description Template reference; a slash in it is percent-encoded */
                alias: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description This one */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        templateID: string;
                        public: boolean;
                    };
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            429: components["responses"]["TooMany"];
            500: components["responses"]["Internal"];
        };
    };
    assignTemplateTags: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            429: components["responses"]["TooMany"];
            501: components["responses"]["NotYet"];
        };
    };
    deleteTemplateTags: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            429: components["responses"]["TooMany"];
            501: components["responses"]["NotYet"];
        };
    };
    getTemplate: {
        parameters: {
            query?: {
                /** @description The `X-Next-Token` of the page before */
                nextToken?: components["parameters"]["NextToken"];
                limit?: components["parameters"]["PageLimit"];
            };
            header?: never;
            path: {
                templateID: components["parameters"]["TemplateID"];
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The template and one page of its builds */
            200: {
                headers: {
                    /** @description Cursor of the next page; absent on the last */
                    "X-Next-Token"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["TemplateWithBuilds"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            429: components["responses"]["TooMany"];
            500: components["responses"]["Internal"];
        };
    };
    rebuildTemplateV1: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                templateID: components["parameters"]["TemplateID"];
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            429: components["responses"]["TooMany"];
            501: components["responses"]["NotYet"];
        };
    };
    deleteTemplate: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                templateID: components["parameters"]["TemplateID"];
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            429: components["responses"]["TooMany"];
            501: components["responses"]["NotYet"];
        };
    };
    updateTemplateV1: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                templateID: components["parameters"]["TemplateID"];
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            429: components["responses"]["TooMany"];
            501: components["responses"]["NotYet"];
        };
    };
    updateTemplate: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                templateID: components["parameters"]["TemplateID"];
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            429: components["responses"]["TooMany"];
            501: components["responses"]["NotYet"];
        };
    };
    listTemplateTags: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                templateID: components["parameters"]["TemplateID"];
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            429: components["responses"]["TooMany"];
            501: components["responses"]["NotYet"];
        };
    };
    getTemplateFiles: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                templateID: components["parameters"]["TemplateID"];
                hash: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            429: components["responses"]["TooMany"];
            501: components["responses"]["NotYet"];
        };
    };
    startTemplateBuildV1: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                templateID: components["parameters"]["TemplateID"];
                buildID: components["parameters"]["BuildID"];
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            429: components["responses"]["TooMany"];
            501: components["responses"]["NotYet"];
        };
    };
    startTemplateBuild: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                templateID: components["parameters"]["TemplateID"];
                buildID: components["parameters"]["BuildID"];
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            429: components["responses"]["TooMany"];
            501: components["responses"]["NotYet"];
        };
    };
    getTemplateBuildStatus: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                templateID: components["parameters"]["TemplateID"];
                buildID: components["parameters"]["BuildID"];
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            429: components["responses"]["TooMany"];
            501: components["responses"]["NotYet"];
        };
    };
    getTemplateBuildLogs: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                templateID: components["parameters"]["TemplateID"];
                buildID: components["parameters"]["BuildID"];
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            429: components["responses"]["TooMany"];
            501: components["responses"]["NotYet"];
        };
    };
    pauseSandbox: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description Also as `id-clientID`; what follows the first dash is ignored */
                sandboxID: components["parameters"]["SandboxID"];
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            429: components["responses"]["TooMany"];
            501: components["responses"]["NotYet"];
        };
    };
    resumeSandbox: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description Also as `id-clientID`; what follows the first dash is ignored */
                sandboxID: components["parameters"]["SandboxID"];
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            429: components["responses"]["TooMany"];
            501: components["responses"]["NotYet"];
        };
    };
    forkSandbox: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description Also as `id-clientID`; what follows the first dash is ignored */
                sandboxID: components["parameters"]["SandboxID"];
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            429: components["responses"]["TooMany"];
            501: components["responses"]["NotYet"];
        };
    };
    setSandboxNetwork: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description Also as `id-clientID`; what follows the first dash is ignored */
                sandboxID: components["parameters"]["SandboxID"];
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["NetworkUpdate"];
            };
        };
        responses: {
            /** @description In force */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            409: components["responses"]["Conflict"];
            429: components["responses"]["TooMany"];
            500: components["responses"]["Internal"];
        };
    };
    getSandboxLogs: {
        parameters: {
            query?: {
                /** @description Milliseconds since 1970 */
                start?: number;
                limit?: components["parameters"]["LogLimit"];
            };
            header?: never;
            path: {
                /** @description Also as `id-clientID`; what follows the first dash is ignored */
                sandboxID: components["parameters"]["SandboxID"];
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Oldest first */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["SandboxLogs"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            429: components["responses"]["TooMany"];
            500: components["responses"]["Internal"];
            503: components["responses"]["Unavailable"];
            504: components["responses"]["TooLate"];
        };
    };
    getSandboxLogsV2: {
        parameters: {
            query?: {
                /** @description Milliseconds since 1970. Forward, entries from there on; backward, entries up to there */
                cursor?: number;
                limit?: components["parameters"]["LogLimit"];
                /** @description Oldest first, or newest first */
                direction?: "forward" | "backward";
                /** @description The least level that is given */
                level?: "debug" | "info" | "warn" | "error";
                /** @description Part of the message, case-sensitive */
                search?: string;
            };
            header?: never;
            path: {
                /** @description Also as `id-clientID`; what follows the first dash is ignored */
                sandboxID: components["parameters"]["SandboxID"];
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description One page */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        logs: components["schemas"]["SandboxLogEntry"][];
                    };
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            429: components["responses"]["TooMany"];
            500: components["responses"]["Internal"];
            503: components["responses"]["Unavailable"];
            504: components["responses"]["TooLate"];
        };
    };
    createSnapshot: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description Also as `id-clientID`; what follows the first dash is ignored */
                sandboxID: components["parameters"]["SandboxID"];
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            429: components["responses"]["TooMany"];
            501: components["responses"]["NotYet"];
        };
    };
    listSnapshots: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            429: components["responses"]["TooMany"];
            501: components["responses"]["NotYet"];
        };
    };
    listVolumes: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description All of them */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Volume"][];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            429: components["responses"]["TooMany"];
        };
    };
    createVolume: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["NewVolume"];
            };
        };
        responses: {
            /** @description It can be mounted, and its content be written */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["VolumeAndToken"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            429: components["responses"]["TooMany"];
            500: components["responses"]["Internal"];
        };
    };
    getVolume: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                volumeID: components["parameters"]["VolumeID"];
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The volume */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["VolumeAndToken"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            429: components["responses"]["TooMany"];
        };
    };
    deleteVolume: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                volumeID: components["parameters"]["VolumeID"];
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Nothing of it is left */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            409: components["responses"]["Conflict"];
            429: components["responses"]["TooMany"];
            500: components["responses"]["Internal"];
        };
    };
    getVolumeEntry: {
        parameters: {
            query: {
                /** @description In the volume; relative paths begin at its root */
                path: components["parameters"]["EntryPath"];
            };
            header?: never;
            path: {
                volumeID: components["parameters"]["VolumeID"];
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The entry */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["VolumeEntryStat"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            409: components["responses"]["Conflict"];
            429: components["responses"]["TooMany"];
            500: components["responses"]["Internal"];
        };
    };
    deleteVolumeEntry: {
        parameters: {
            query: {
                /** @description In the volume; relative paths begin at its root */
                path: components["parameters"]["EntryPath"];
            };
            header?: never;
            path: {
                volumeID: components["parameters"]["VolumeID"];
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description It is gone */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            409: components["responses"]["Conflict"];
            429: components["responses"]["TooMany"];
            500: components["responses"]["Internal"];
        };
    };
    updateVolumeEntry: {
        parameters: {
            query: {
                /** @description In the volume; relative paths begin at its root */
                path: components["parameters"]["EntryPath"];
            };
            header?: never;
            path: {
                volumeID: components["parameters"]["VolumeID"];
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["VolumeEntryChange"];
            };
        };
        responses: {
            /** @description The entry as it is now */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["VolumeEntryStat"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            409: components["responses"]["Conflict"];
            429: components["responses"]["TooMany"];
            500: components["responses"]["Internal"];
            507: components["responses"]["Full"];
        };
    };
    listVolumeDirectory: {
        parameters: {
            query: {
                /** @description In the volume; relative paths begin at its root */
                path: components["parameters"]["EntryPath"];
                /** @description Levels; 0 is 1 */
                depth?: number;
            };
            header?: never;
            path: {
                volumeID: components["parameters"]["VolumeID"];
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The entries */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["VolumeEntryStat"][];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            409: components["responses"]["Conflict"];
            429: components["responses"]["TooMany"];
            500: components["responses"]["Internal"];
        };
    };
    makeVolumeDirectory: {
        parameters: {
            query: {
                /** @description In the volume; relative paths begin at its root */
                path: components["parameters"]["EntryPath"];
                /** @description Owner of what is made; 0 unless told */
                uid?: components["parameters"]["EntryUid"];
                /** @description Group of what is made; 0 unless told */
                gid?: components["parameters"]["EntryGid"];
                /** @description Permission bits of what is made; 0666 for files and 0777 for directories unless told */
                mode?: components["parameters"]["EntryMode"];
                force?: components["parameters"]["EntryForce"];
            };
            header?: never;
            path: {
                volumeID: components["parameters"]["VolumeID"];
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The directory */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["VolumeEntryStat"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            409: components["responses"]["Conflict"];
            429: components["responses"]["TooMany"];
            500: components["responses"]["Internal"];
            507: components["responses"]["Full"];
        };
    };
    readVolumeFile: {
        parameters: {
            query: {
                /** @description In the volume; relative paths begin at its root */
                path: components["parameters"]["EntryPath"];
            };
            header?: never;
            path: {
                volumeID: components["parameters"]["VolumeID"];
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description All of them */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/octet-stream": string;
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            409: components["responses"]["Conflict"];
            429: components["responses"]["TooMany"];
            500: components["responses"]["Internal"];
        };
    };
    writeVolumeFile: {
        parameters: {
            query: {
                /** @description In the volume; relative paths begin at its root */
                path: components["parameters"]["EntryPath"];
                /** @description Owner of what is made; 0 unless told */
                uid?: components["parameters"]["EntryUid"];
                /** @description Group of what is made; 0 unless told */
                gid?: components["parameters"]["EntryGid"];
                /** @description Permission bits of what is made; 0666 for files and 0777 for directories unless told */
                mode?: components["parameters"]["EntryMode"];
                force?: components["parameters"]["EntryForce"];
            };
            header?: never;
            path: {
                volumeID: components["parameters"]["VolumeID"];
            };
            cookie?: never;
        };
        requestBody?: {
            content: {
                "application/octet-stream": string;
            };
        };
        responses: {
            /** @description The file */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["VolumeEntryStat"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            409: components["responses"]["Conflict"];
            429: components["responses"]["TooMany"];
            500: components["responses"]["Internal"];
            507: components["responses"]["Full"];
        };
    };
    listSecrets: {
        parameters: {
            query?: {
                /** @description The `X-Next-Token` of the page before */
                nextToken?: components["parameters"]["NextToken"];
                limit?: components["parameters"]["PageLimit"];
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description One page */
            200: {
                headers: {
                    /** @description Cursor of the next page; absent on the last */
                    "X-Next-Token"?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Secret"][];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            429: components["responses"]["TooMany"];
            500: components["responses"]["Internal"];
        };
    };
    createSecret: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["NewSecret"];
            };
        };
        responses: {
            /** @description Kept, encrypted */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Secret"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            409: components["responses"]["Conflict"];
            429: components["responses"]["TooMany"];
            500: components["responses"]["Internal"];
        };
    };
    getSecret: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description Id or name */
                secretID: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The secret */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Secret"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            429: components["responses"]["TooMany"];
            500: components["responses"]["Internal"];
        };
    };
    updateSecret: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description Id or name */
                secretID: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["SecretUpdate"];
            };
        };
        responses: {
            /** @description The secret as it is now */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Secret"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            429: components["responses"]["TooMany"];
            500: components["responses"]["Internal"];
        };
    };
    deleteSecret: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description Id or name */
                secretID: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Forgotten */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            429: components["responses"]["TooMany"];
            500: components["responses"]["Internal"];
        };
    };
    listTeams: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description One team */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Team"][];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            429: components["responses"]["TooMany"];
            500: components["responses"]["Internal"];
        };
    };
    getTeamMetrics: {
        parameters: {
            query?: {
                /** @description Unix seconds */
                start?: number;
                /** @description Unix seconds */
                end?: number;
            };
            header?: never;
            path: {
                /** @description Id of a team; a key finds only its own */
                teamID: components["parameters"]["TeamID"];
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Oldest first */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["TeamMetric"][];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            429: components["responses"]["TooMany"];
            500: components["responses"]["Internal"];
        };
    };
    getTeamMetricsMax: {
        parameters: {
            query: {
                /** @description Unix seconds */
                start?: number;
                /** @description Unix seconds */
                end?: number;
                metric: "concurrent_sandboxes" | "sandbox_start_rate";
            };
            header?: never;
            path: {
                /** @description Id of a team; a key finds only its own */
                teamID: components["parameters"]["TeamID"];
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Which, and when */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["MaxTeamMetric"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            429: components["responses"]["TooMany"];
            500: components["responses"]["Internal"];
        };
    };
    listApiKeys: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description All of them, masked */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["TeamApiKey"][];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            429: components["responses"]["TooMany"];
            500: components["responses"]["Internal"];
        };
    };
    createApiKey: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["NewTeamApiKey"];
            };
        };
        responses: {
            /** @description The key; its text is told here only */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["CreatedTeamApiKey"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            429: components["responses"]["TooMany"];
            500: components["responses"]["Internal"];
        };
    };
    deleteApiKey: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                apiKeyID: components["parameters"]["ApiKeyID"];
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The next request with it is refused */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            429: components["responses"]["TooMany"];
            500: components["responses"]["Internal"];
        };
    };
    renameApiKey: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                apiKeyID: components["parameters"]["ApiKeyID"];
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["NewTeamApiKey"];
            };
        };
        responses: {
            /** @description Renamed */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            403: components["responses"]["Forbidden"];
            404: components["responses"]["NotFound"];
            429: components["responses"]["TooMany"];
            500: components["responses"]["Internal"];
        };
    };
    listNodes: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description All of them */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Node"][];
                };
            };
            401: components["responses"]["Unauthorized"];
            500: components["responses"]["Internal"];
            503: components["responses"]["Unavailable"];
            504: components["responses"]["TooLate"];
        };
    };
    getNode: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                nodeID: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The node */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["NodeDetail"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            404: components["responses"]["NotFound"];
            500: components["responses"]["Internal"];
            503: components["responses"]["Unavailable"];
            504: components["responses"]["TooLate"];
        };
    };
    setNodeStatus: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                nodeID: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": {
                    /** @description Ignored; there is one cluster */
                    clusterID?: string;
                    /** @enum {string} */
                    status: "ready" | "draining";
                };
            };
        };
        responses: {
            /** @description Set; it outlives restarts */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            404: components["responses"]["NotFound"];
            500: components["responses"]["Internal"];
            503: components["responses"]["Unavailable"];
            504: components["responses"]["TooLate"];
        };
    };
    countRunningSandboxes: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description By team id; teams without any are left out */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        [key: string]: number;
                    };
                };
            };
            401: components["responses"]["Unauthorized"];
            500: components["responses"]["Internal"];
        };
    };
    killTeamSandboxes: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description Id of a team; a key finds only its own */
                teamID: components["parameters"]["TeamID"];
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description How many ended */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        killedCount: number;
                        failedCount: number;
                    };
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            404: components["responses"]["NotFound"];
            500: components["responses"]["Internal"];
        };
    };
    cancelTeamBuilds: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description Id of a team; a key finds only its own */
                teamID: components["parameters"]["TeamID"];
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            501: components["responses"]["NotYet"];
        };
    };
    createTeamApiKey: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description Id of a team; a key finds only its own */
                teamID: components["parameters"]["TeamID"];
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["NewTeamApiKey"];
            };
        };
        responses: {
            /** @description The key; its text is told here only */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["CreatedTeamApiKey"];
                };
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            404: components["responses"]["NotFound"];
            500: components["responses"]["Internal"];
        };
    };
    deleteTeamApiKey: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description Id of a team; a key finds only its own */
                teamID: components["parameters"]["TeamID"];
                apiKeyID: components["parameters"]["ApiKeyID"];
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The next request with it is refused */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            400: components["responses"]["BadRequest"];
            401: components["responses"]["Unauthorized"];
            404: components["responses"]["NotFound"];
            500: components["responses"]["Internal"];
        };
    };
}
