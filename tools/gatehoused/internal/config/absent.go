package config

// absentRows are the keywords that the server does not serve. Values that deny what is not
// there anyway are harmless.
var absentRows = []row{
	// Authentication.
	{name: "AuthorizedKeysCommand", match: true, raw: true, missing: warned, harmless: isNone},
	{name: "AuthorizedKeysCommandUser", match: true, missing: warned, harmless: isNone},
	{name: "AuthorizedPrincipalsCommand", match: true, raw: true, missing: refuse, harmless: isNone},
	{name: "AuthorizedPrincipalsCommandUser", match: true, missing: warned, harmless: isNone},
	{name: "CASignatureAlgorithms", match: true, missing: refuse},
	{name: "RevokedKeys", match: true, missing: refuse, harmless: isNone},
	{name: "RefuseConnection", match: true, missing: refuse, harmless: isNo},
	{name: "PubkeyAuthOptions", match: true, missing: refuse, harmless: isNone},
	{name: "PermitEmptyPasswords", match: true, missing: warned, harmless: isNo},
	{name: "UsePAM", missing: warned, harmless: isNo},
	{name: "PAMServiceName", missing: warned},
	{name: "PAMAuthenticationViaKBDInt", missing: warned, harmless: isNo},
	{name: "HostbasedAuthentication", match: true, missing: warned, harmless: isNo},
	{name: "HostbasedAcceptedAlgorithms", aliases: []string{"HostbasedAcceptedKeyTypes"}, match: true},
	{name: "HostbasedUsesNameFromPacketOnly", match: true},
	{name: "IgnoreRhosts", match: true},
	{name: "IgnoreUserKnownHosts"},
	{name: "GSSAPIAuthentication", match: true, missing: warned, harmless: isNo},
	{name: "GSSAPIKeyExchange", missing: warned, harmless: isNo},
	{name: "GSSAPICleanupCredentials"},
	{name: "GSSAPIDelegateCredentials"},
	{name: "GSSAPIStrictAcceptorCheck"},
	{name: "GSSAPIStoreCredentialsOnRekey"},
	{name: "GSSAPIKexAlgorithms"},
	{name: "KerberosAuthentication", match: true, missing: warned, harmless: isNo},
	{name: "KerberosGetAFSToken"},
	{name: "KerberosOrLocalPasswd"},
	{name: "KerberosTicketCleanup"},
	{name: "KerberosTgtPassing"},
	{name: "AFSTokenPassing"},

	// The connection.
	{name: "ChannelTimeout", match: true, missing: warned, harmless: isNone},
	{name: "UnusedConnectionTimeout", match: true, missing: warned, harmless: isNone},
	{name: "PerSourceMaxStartups", missing: warned, harmless: isNone},
	{name: "PerSourceNetBlockSize", missing: warned},
	{name: "PerSourcePenalties", missing: warned, harmless: isNo},
	{name: "PerSourcePenaltyExemptList"},
	{name: "Compression", missing: warned},
	{name: "IPQoS", match: true, missing: warned, harmless: isNone},
	{name: "TCPKeepAlive", aliases: []string{"KeepAlive"}, missing: warned, harmless: isYes},
	{name: "RDomain", match: true, missing: refuse, harmless: isNone},
	// Names of hosts in AllowUsers, DenyUsers and Match would never match.
	{name: "UseDNS", missing: refuse, harmless: isNo},
	{name: "HostKeyAgent", missing: warned, harmless: isNone},
	{name: "ModuliFile", missing: warned},
	{name: "DebianBanner"},

	// Sessions and forwarding.
	{name: "ChrootDirectory", match: true, missing: refuse, harmless: isNone},
	{name: "AllowAgentForwarding", match: true, missing: warned, harmless: isNo},
	{name: "PermitTunnel", match: true, missing: warned, harmless: isNo},
	{name: "PermitUserEnvironment", missing: warned, harmless: isNo},
	{name: "PermitUserRC", match: true, missing: warned, harmless: isNo},
	{name: "ExposeAuthInfo", match: true, missing: warned, harmless: isNo},
	{name: "X11Forwarding", match: true, missing: warned, harmless: isNo},
	{name: "X11DisplayOffset", match: true},
	{name: "X11UseLocalhost", match: true},
	{name: "XAuthLocation"},
	{name: "PrintMotd"},
	{name: "PrintLastLog"},

	// Logs, programs, libraries.
	{name: "FingerprintHash", missing: warned, harmless: []string{"sha256"}},
	{name: "LogVerbose", match: true, missing: warned, harmless: isNone},
	{name: "SyslogFacility", missing: warned},
	{name: "SecurityKeyProvider", missing: warned, harmless: []string{"internal"}},
	{name: "SshdSessionPath", missing: warned},
	{name: "SshdAuthPath", missing: warned},

	// Keywords of the past, which OpenSSH still takes and ignores.
	{name: "AuthorizedKeysFile2"},
	{name: "CheckMail"},
	{name: "IgnoreRootRhosts"},
	{name: "KeyRegenerationInterval"},
	{name: "Protocol", missing: warned, harmless: []string{"2"}},
	{name: "ReverseMappingCheck"},
	{name: "RhostsAuthentication", missing: warned, harmless: isNo},
	{name: "RhostsRSAAuthentication", missing: warned, harmless: isNo},
	{name: "RSAAuthentication", missing: warned, harmless: isNo},
	{name: "ServerKeyBits"},
	{name: "UseLogin", missing: warned, harmless: isNo},
	{name: "UsePrivilegeSeparation"},
	{name: "VerifyReverseMapping"},
}

var (
	isNo   = []string{"no"}
	isYes  = []string{"yes"}
	isNone = []string{"none"}
)
