// Command flannelconf tells what flannel's own code makes of texts: a JSON line for each line of
// base64 on standard input.
package main

import (
	"bufio"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/flannel-io/flannel/pkg/subnet"
)

// verdict is one line of output; its names are those of the shared cases.
type verdict struct {
	OK      bool            `json:"ok"`
	Stage   string          `json:"stage,omitempty"`
	Type    string          `json:"backend_type"`
	Config  json.RawMessage `json:"config,omitempty"`
	Backend any             `json:"backend_config,omitempty"`
	Etcd    string          `json:"etcd,omitempty"`
}

// structs holds, by backend type, a maker of the struct that RegisterNetwork decodes Backend
// into. They stand in function bodies there, so they are repeated here to the letter.
var structs = map[string]func() any{
	"vxlan": func() any {
		return &struct {
			VNI           int  `json:"vni"`
			Port          int  `json:"port"`
			MTU           int  `json:"mtu"`
			GBP           bool `json:"gbp"`
			Learning      bool `json:"learning"`
			DirectRouting bool `json:"directRouting"`
		}{VNI: 1, MTU: 1500}
	},
	"udp":  func() any { return &struct{ Port int }{8285} },
	"ipip": func() any { return &struct{ DirectRouting bool }{} },
	"wireguard": func() any {
		return &struct {
			ListenPort                  int
			ListenPortV6                int
			MTU                         int
			PSK                         string
			PersistentKeepaliveInterval time.Duration
			Mode                        string
		}{ListenPort: 51820, ListenPortV6: 51821, MTU: 1500, Mode: "separate"}
	},
	"ipsec": func() any {
		return &struct {
			UDPEncap    bool
			ESPProposal string
			PSK         string
		}{ESPProposal: "aes128gcm16-sha256-prfsha256-ecp256"}
	},
	"extension": func() any {
		return &struct{ PreStartupCommand, PostStartupCommand, SubnetAddCommand, SubnetRemoveCommand string }{}
	},
	"tencent-vpc": func() any { return &struct{ AccessKeyID, AccessKeySecret string }{} },
}

func judge(text string) verdict {
	config, err := subnet.ParseConfig(text)
	if err != nil {
		return verdict{Stage: "parse"}
	}
	found := verdict{OK: true, Type: config.BackendType, Config: plain(config)}
	if make := structs[strings.ToLower(config.BackendType)]; make != nil {
		found.Backend = make()
		if len(config.Backend) > 0 && json.Unmarshal(config.Backend, found.Backend) != nil {
			found.OK, found.Stage = false, "backend-config"
		}
	}
	if err := subnet.CheckNetworkConfig(config); err != nil {
		found.Etcd = err.Error()
	}
	return found
}

// plain returns the top level without Backend, as it marshals before CheckNetworkConfig fills it.
func plain(config *subnet.Config) json.RawMessage {
	bare := *config
	bare.Backend = nil
	data, err := json.Marshal(&bare)
	if err != nil {
		panic(err)
	}
	return data
}

func main() {
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, 64<<20)
	out := json.NewEncoder(os.Stdout)
	for lines.Scan() {
		text, err := base64.StdEncoding.DecodeString(lines.Text())
		if err != nil {
			panic(err)
		}
		if err := out.Encode(judge(string(text))); err != nil {
			panic(fmt.Errorf("%q: %w", text, err))
		}
	}
}
